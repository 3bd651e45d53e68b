"""Class weights against independently written formulas and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from raysat.config.class_weights import class_balanced, class_weights
from raysat.config.families.reweight import Drw, EffectiveNumber, InverseFrequency, NoReweight, Reweight

COUNTS = st.lists(st.integers(1, 60_000), min_size=2, max_size=8).map(np.array)


@given(counts=COUNTS, beta=st.just(0.0) | st.floats(1e-12, 0.99))
@settings(max_examples=60)
def test_class_balanced_weights_are_the_papers_formula(counts: np.ndarray, beta: float) -> None:
    weights = (1 - beta) / (1 - beta ** counts.astype(float))
    np.testing.assert_allclose(class_balanced(counts, beta), weights / weights.sum() * len(counts), rtol=1e-9)
    found = class_weights(EffectiveNumber(beta=beta), counts, epoch=0, epochs=3)
    np.testing.assert_array_equal(found, class_balanced(counts, beta))


def test_class_balanced_weights_keep_their_digits_near_one() -> None:
    counts = np.array([60_000, 500, 7])
    weights = 1 / counts  # the limit for beta -> 1
    found = class_balanced(counts, np.nextafter(1.0, 0.0))
    np.testing.assert_allclose(found, weights / weights.sum() * 3, rtol=1e-6)
    np.testing.assert_allclose(class_balanced(counts, 0.0), [1, 1, 1])


@given(counts=st.lists(st.integers(1, 300), min_size=2, max_size=6).map(np.array))
@settings(max_examples=30)
def test_inverse_frequency_is_scikit_learns_balanced_weight(counts: np.ndarray) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    theirs = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    found = class_weights(InverseFrequency(), counts, epoch=0, epochs=1)
    np.testing.assert_allclose(found / found[0], theirs / theirs[0])


@given(
    counts=COUNTS,
    reweight=st.sampled_from(
        [NoReweight(), InverseFrequency(), EffectiveNumber(), EffectiveNumber(beta=0.3), Drw(), Drw(switch=0.0)]
    ),
    epoch=st.integers(0, 9),
)
@settings(max_examples=60)
def test_weights_are_positive_sum_to_the_classes_and_never_favour_a_larger_class(
    counts: np.ndarray, reweight: Reweight, epoch: int
) -> None:
    found = class_weights(reweight, counts, epoch=epoch, epochs=10)
    assert found.sum() == pytest.approx(len(counts))
    assert found.min() > 0
    assert np.all(np.diff(found[np.argsort(counts)]) <= 1e-12)


@pytest.mark.parametrize(
    ("switch", "epochs", "first"),
    [(0.8, 40, 32), (0.625, 40, 25), (0.8, 6, 4), (0.8, 1, 0), (0.29, 100, 29), (1.0, 7, 7), (0.0, 3, 0)],
)
def test_drw_weighs_by_effective_number_from_its_switch_on(switch: float, epochs: int, first: int) -> None:
    counts = np.array([90, 10])
    late = class_weights(EffectiveNumber(beta=0.9), counts, epoch=0, epochs=1)
    for epoch in range(epochs):
        found = class_weights(Drw(beta=0.9, switch=switch), counts, epoch=epoch, epochs=epochs)
        np.testing.assert_array_equal(found, late if epoch >= first else [1, 1])
