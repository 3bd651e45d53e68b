"""A temperature against independent optimisers, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from raysat.metrics.temperature import RANGE, fit_temperature, nll, scaled


def drawn(n: int, classes: int, sureness: float, seed: int = 0):
    """Logits that are so much surer than they are right, and labels."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, classes))
    labels = np.array([rng.choice(classes, p=row) for row in softmax(logits, axis=1)])
    return labels, sureness * logits


@pytest.mark.parametrize("sureness", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("classes", [2, 5])
def test_it_is_what_lbfgs_finds_from_the_logits(sureness: float, classes: int) -> None:
    labels, logits = drawn(3000, classes, sureness)

    def loss(log_t):
        return -log_softmax(logits / np.exp(log_t[0]), axis=1)[np.arange(len(labels)), labels].mean()

    expected = np.exp(minimize(loss, [0.0], method="L-BFGS-B").x[0])
    found = fit_temperature(labels, softmax(logits, axis=1).astype(np.float32))
    assert found == pytest.approx(expected, rel=2e-3)
    assert found == pytest.approx(sureness, rel=0.15)


def test_of_two_classes_it_is_a_logistic_regression_without_intercept() -> None:
    labels, logits = drawn(2000, 2, 2.5)
    margin = logits[:, 1:] - logits[:, :1]
    weight = LogisticRegression(C=np.inf, fit_intercept=False).fit(margin, labels).coef_[0, 0]
    assert fit_temperature(labels, softmax(logits, axis=1)) == pytest.approx(1 / weight, rel=1e-3)


def test_it_lowers_nll_and_nll_is_scikit_learns() -> None:
    labels, logits = drawn(1000, 4, 3.0)
    before = softmax(logits, axis=1)
    after = scaled(before, fit_temperature(labels, before))
    assert nll(labels, after) < nll(labels, before)
    assert nll(labels, after) == pytest.approx(log_loss(labels, after))


@given(st.integers(2, 6), st.floats(0.05, 20), st.integers(0, 1000))
def test_scaling_keeps_the_order_of_classes_and_makes_probabilities(classes: int, t: float, seed: int) -> None:
    _, logits = drawn(5, classes, 1.0, seed)
    before = softmax(logits, axis=1)
    after = scaled(before, t)
    np.testing.assert_allclose(after, softmax(logits / t, axis=1), atol=1e-6)
    np.testing.assert_allclose(after.sum(axis=1), 1)
    assert (np.diff(np.take_along_axis(after, before.argsort(axis=1), axis=1), axis=1) >= 0).all()


def test_where_all_are_right_it_is_the_lowest_that_is_tried_and_where_none_is_the_highest() -> None:
    probabilities = np.tile([0.7, 0.3], (20, 1))
    assert fit_temperature(np.zeros(20, int), probabilities) == pytest.approx(RANGE[0], rel=1e-3)
    assert fit_temperature(np.ones(20, int), probabilities) == pytest.approx(RANGE[1], rel=1e-3)
    assert np.isfinite(scaled(np.array([[1.0, 0.0]]), RANGE[0])).all()


def test_one_sure_error_among_many_that_are_right_does_not_hide_the_minimum() -> None:
    """-log p is cut off where p is 0: of a surer model the error would cost no more, and all else less."""
    probabilities = np.tile([1 - 1e-4, 1e-4], (24, 1))
    labels = np.zeros(24, int)
    labels[0] = 1
    found = fit_temperature(labels, probabilities)
    assert nll(labels, scaled(probabilities, found)) < nll(labels, probabilities)
    assert found > 1
