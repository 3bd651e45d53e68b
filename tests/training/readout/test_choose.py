"""What is chosen on val: never worse than nothing, the same each time, and what a search of all there is finds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import balanced_accuracy_score

from raysat.training.readout.choose import balanced_accuracy, best_offsets, best_setting

LOGITS = st.floats(-20, 20, width=32)


@st.composite
def vals(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels that have every class, and logits, ties among them."""
    classes, extra = draw(st.integers(2, 4)), draw(st.integers(0, 12))
    more = draw(st.lists(st.integers(0, classes - 1), min_size=extra, max_size=extra))
    labels = np.array([*range(classes), *more])
    kind = draw(st.sampled_from([LOGITS, st.integers(-2, 2).map(float)]))
    return labels, draw(arrays.arrays(np.float32, (len(labels), classes), elements=kind))


@given(vals())
def test_balanced_accuracy_is_that_of_scikit_learn(val: tuple[np.ndarray, np.ndarray]) -> None:
    labels, logits = val
    assert balanced_accuracy(labels, logits) == pytest.approx(balanced_accuracy_score(labels, logits.argmax(axis=1)))


@given(vals())
@settings(deadline=None)
def test_thresholds_never_lower_balanced_accuracy_on_val(val: tuple[np.ndarray, np.ndarray]) -> None:
    labels, logits = val
    offsets = best_offsets(labels, logits)
    after = balanced_accuracy(labels, logits + offsets.astype(np.float32))  # as they are applied
    assert after >= balanced_accuracy(labels, logits) - 1e-9
    assert abs(offsets.mean()) < 1e-9
    assert offsets.tobytes() == best_offsets(labels, logits).tobytes()


@given(st.integers(0, 10_000), st.integers(-40, 40))
def test_a_constant_of_each_patch_changes_no_threshold(seed: int, by: int) -> None:
    """So that log-probabilities do as well as logits."""
    rng = np.random.default_rng(seed)
    labels, logits = np.array([*range(3), *rng.integers(0, 3, 17)]), rng.normal(size=(20, 3))
    moved = logits + by * rng.normal(size=(20, 1))
    np.testing.assert_allclose(best_offsets(labels, logits), best_offsets(labels, moved), atol=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_three_classes_reach_what_a_search_of_a_grid_finds_or_nearly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.array([0] * 12 + [1] * 6 + [2] * 4)
    logits = rng.normal(size=(22, 3)) + (labels[:, None] == np.arange(3)) + [1.5, 0.5, 0]
    grid = np.linspace(-4, 4, 41)
    best = max(
        balanced_accuracy(labels, logits + np.array([0, one, two])) for one, two in itertools.product(grid, grid)
    )
    before = balanced_accuracy(labels, logits)
    assert balanced_accuracy(labels, logits + best_offsets(labels, logits)) >= before + 0.6 * (best - before)


def test_scores_of_minus_infinity_are_borne() -> None:
    logits = np.array([[0.0, -np.inf], [1.0, 0.5], [0.2, 0.1]])
    assert np.isfinite(best_offsets(np.array([0, 1, 0]), logits)).all()


def test_of_equal_settings_the_one_nearest_to_the_usual_is_taken() -> None:
    labels = np.array([0, 1])
    scores = {0.0: np.eye(2)[::-1], 0.5: np.eye(2), 1.0: np.eye(2), 1.5: np.eye(2)}
    assert best_setting(labels, scores.__getitem__, list(scores), usual=0.0) == 0.5
    assert best_setting(labels, scores.__getitem__, list(scores), usual=1.2) == 1.0
