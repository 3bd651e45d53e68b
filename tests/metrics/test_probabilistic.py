"""More metrics from predictions, against scikit-learn and the papers' formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    cohen_kappa_score,
    log_loss,
    mean_absolute_error,
    recall_score,
    roc_auc_score,
)

from raysat.metrics.probabilistic import BINS, reliability, score

CLASSES = 4


def drawn(seed: int, n: int = 120, *, half: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of which every class has some, probabilities as saved, and predictions made before rounding."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(CLASSES), rng.choice(CLASSES, n - CLASSES, p=[0.6, 0.16, 0.15, 0.09])])
    scores = rng.normal(size=(n, CLASSES)) + 1.5 * np.eye(CLASSES)[labels]
    probabilities = np.exp(3 * scores) / np.exp(3 * scores).sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1)
    return labels.astype(np.uint8), predicted, probabilities.astype(np.float16 if half else np.float64)


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(8, 300))
def test_every_score_that_scikit_learn_has_is_scikit_learns(seed, n):
    labels, predicted, probabilities = drawn(seed, n)
    ours = score(labels, predicted, probabilities, ordinal=True)
    recall = recall_score(labels, predicted, average=None, zero_division=0)
    assert ours.worst_recall == pytest.approx(recall.min())
    assert ours.g_mean == pytest.approx(np.prod(recall) ** (1 / CLASSES))
    assert ours.kappa == pytest.approx(cohen_kappa_score(labels, predicted, weights="quadratic"))
    assert ours.mae == pytest.approx(mean_absolute_error(labels, predicted))
    by_class = [mean_absolute_error(labels[labels == k], predicted[labels == k]) for k in range(CLASSES)]
    assert ours.macro_mae == pytest.approx(np.mean(by_class))
    near = [abs(int(y) - int(p)) <= 1 for y, p in zip(labels, predicted, strict=True)]
    assert ours.within_one == pytest.approx(np.mean(near))
    for k in range(CLASSES):
        value = probabilities[:, k].astype(float)
        assert ours.auroc[k] == pytest.approx(roc_auc_score(labels == k, value))
        assert ours.average_precision[k] == pytest.approx(average_precision_score(labels == k, value))


@given(seed=st.integers(0, 2**32 - 1))
def test_nll_is_scikit_learns_log_loss(seed):
    labels, predicted, probabilities = drawn(seed, half=False)
    ours = score(labels, predicted, probabilities, ordinal=False)
    assert ours.nll == pytest.approx(log_loss(labels, probabilities, labels=range(CLASSES)), rel=1e-6)


def test_a_probability_rounded_to_zero_costs_as_much_as_the_smallest_number_can_tell():
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]], np.float16)
    ours = score(np.array([0, 1]), np.array([0, 0]), probabilities, ordinal=False)
    assert ours.nll == pytest.approx(25 * np.log(2) / 2)
    assert (ours.kappa, ours.mae, ours.macro_mae, ours.within_one) == (None, None, None, None)


@given(seed=st.integers(0, 2**32 - 1))
def test_ece_is_the_formula_of_guo_et_al(seed):
    labels, predicted, probabilities = drawn(seed)
    confidence = probabilities[np.arange(len(labels)), predicted].astype(float)
    expected = 0.0
    for b in range(BINS):
        inside = (confidence > b / BINS) & (confidence <= (b + 1) / BINS)
        if inside.any():
            gap = abs((labels == predicted)[inside].mean() - confidence[inside].mean())
            expected += inside.mean() * gap
    assert score(labels, predicted, probabilities, ordinal=False).ece == pytest.approx(expected)


def test_pooled_reliability_is_that_of_all_patches_together():
    parts = [drawn(seed) for seed in range(3)]
    together = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    pooled, whole = reliability(*parts[0]) + reliability(*parts[1]) + reliability(*parts[2]), reliability(*together)
    assert pooled.ece == pytest.approx(whole.ece)
    assert pooled.patches.sum() == len(together[0])


def test_a_class_without_patches_takes_no_part():
    labels, predicted, probabilities = drawn(0)
    kept = labels != 3
    ours = score(labels[kept], predicted[kept], probabilities[kept], ordinal=True)
    assert ours.auroc[3] is None
    assert ours.average_precision[3] is None
    recall = recall_score(labels[kept], predicted[kept], labels=[0, 1, 2], average=None)
    assert ours.worst_recall == pytest.approx(recall.min())
    assert ours.g_mean == pytest.approx(np.prod(recall) ** (1 / 3))
    errors = [mean_absolute_error(labels[labels == k], predicted[labels == k]) for k in range(3)]
    assert ours.macro_mae == pytest.approx(np.mean(errors))


def test_one_class_alone_has_neither_kappa_nor_auroc():
    ours = score(np.zeros(5, int), np.zeros(5, int), np.tile([0.9, 0.1], (5, 1)), ordinal=True)
    assert (ours.kappa, ours.auroc, ours.average_precision) == (None, (None, None), (1.0, None))
    assert (ours.worst_recall, ours.mae) == (1.0, 0.0)


def test_each_class_counts_alike_in_the_macro_mae():
    labels, predicted = np.array([0] * 90 + [3] * 10), np.array([0] * 90 + [0] * 5 + [2] * 5)
    ours = score(labels, predicted, np.full((100, 4), 0.25), ordinal=True)
    assert (ours.mae, ours.macro_mae, ours.within_one) == pytest.approx((0.2, (0 + 2) / 2, 0.95))


def test_no_patch_and_shapes_that_differ_are_errors():
    with pytest.raises(ValueError, match="no patch"):
        score(np.empty(0, int), np.empty(0, int), np.empty((0, 3)), ordinal=False)
    with pytest.raises(ValueError, match="differ"):
        score(np.zeros(3, int), np.zeros(2, int), np.ones((3, 2)), ordinal=False)
