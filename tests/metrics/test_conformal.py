"""Conformal sets: thresholds by hand, and what they cover by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from raysat.metrics.conformal import prediction_sets, thresholds


def drawn(n: int, rng: np.random.Generator):
    """Imbalanced labels, and a model that is right about common classes more often, and too sure."""
    labels = rng.choice(3, n, p=[0.7, 0.2, 0.1])
    logits = rng.normal(0, 1, (n, 3)) + np.array([0.9, 0.2, 0.0])
    logits[np.arange(n), labels] += 1.5
    return labels, softmax(2 * logits, axis=1)


def covered(labels, probabilities, most) -> list[float]:
    """How often the sets of each class's patches hold that class."""
    sets = prediction_sets(probabilities, most)
    return [float(sets[labels == k, k].mean()) for k in range(probabilities.shape[1])]


def test_a_threshold_is_the_smallest_score_that_leaves_enough_below_it() -> None:
    scores = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    probabilities = np.stack([1 - scores, scores], axis=1)
    labels = np.zeros(10, int)
    most = thresholds(labels, probabilities, 0.9)  # the ceil(11 * 0.9) = 10th
    assert most[0] == pytest.approx(0.9)
    assert most[1] == np.inf  # no patch of that class
    assert thresholds(labels, probabilities, 0.5)[0] == pytest.approx(0.5)  # the ceil(5.5) = 6th
    assert thresholds(labels[:8], probabilities[:8], 0.9)[0] == np.inf  # eight are too few for nine of ten
    assert np.isfinite(thresholds(labels[:9], probabilities[:9], 0.9)[0])


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_every_class_is_covered_as_often_as_is_asked_for(coverage: float) -> None:
    """Over many calibrations the coverage is what theory says: between 1 - a and 1 - a + 1 / (n_k + 1)."""
    rng, found, counts = np.random.default_rng(0), [], []
    for _ in range(250):
        most = thresholds(*(calibration := drawn(400, rng)), coverage)
        found.append(covered(*drawn(2000, rng), most))
        counts.append(np.bincount(calibration[0], minlength=3))
    for k in range(3):
        mean = np.mean([each[k] for each in found])
        assert coverage - 0.01 <= mean <= coverage + 1 / np.mean([each[k] for each in counts]) + 0.012


def test_one_threshold_for_all_would_cover_a_rare_class_less() -> None:
    rng = np.random.default_rng(1)
    labels, probabilities = drawn(4000, rng)
    scores = 1 - probabilities[np.arange(4000), labels]
    marginal = np.full(3, np.quantile(scores, 0.9))
    test = drawn(4000, rng)
    by_class = covered(*test, thresholds(labels, probabilities, 0.9))
    assert min(covered(*test, marginal)) < 0.85 < min(by_class)


def test_a_set_may_hold_several_classes_or_none() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.4, 0.4, 0.2], [0.35, 0.33, 0.32]])
    sets = prediction_sets(probabilities, np.array([0.6, 0.6, 0.6]))
    np.testing.assert_array_equal(sets, [[True, False, False], [True, True, False], [False, False, False]])
    always = prediction_sets(probabilities, np.array([0.6, 0.6, np.inf]))
    assert always[:, 2].all()
