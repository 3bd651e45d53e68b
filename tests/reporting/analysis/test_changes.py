"""Patches newly right and newly wrong, by predictions written by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from raysat.reporting.analysis.changes import find_changes, mcnemar
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.reporting.analysis.significance import holm

LABELS = [0, 0, 0, 1, 1, 2, 2, 2]
BEFORE = [  # of three seeds
    [0, 1, 1, 1, 0, 2, 2, 0],
    [0, 1, 2, 1, 0, 2, 2, 0],
    [0, 1, 2, 0, 1, 2, 2, 0],
]
AFTER = [
    [0, 0, 0, 1, 0, 1, 2, 0],
    [0, 0, 0, 1, 1, 1, 0, 2],
    [1, 0, 1, 1, 1, 0, 2, 0],
]


def predictions(before, after, labels=LABELS, *, classes=3, seeds=((0, 1, 2), (0, 1, 2))) -> TrialPredictions:
    predicted = np.array([*before, *after], np.uint8)
    first = len(before)
    return TrialPredictions(
        labels=np.array(labels, np.uint8),
        positions=np.arange(len(labels)),
        predicted=predicted,
        confusion=np.zeros((len(predicted), classes, classes), np.int64),
        rows={
            "plain": {seed: row for row, seed in enumerate(seeds[0])},
            "arm": {seed: first + row for row, seed in enumerate(seeds[1])},
        },
        scores=(),
        records=(),
        reliability={},
    )


def as_lists(pairs):
    return [(pair.true, pair.wrong, pair.rows.tolist()) for pair in pairs]


def test_what_most_seeds_say_is_newly_right_or_wrong() -> None:
    changes = find_changes(predictions(BEFORE, AFTER), "arm", "plain")
    assert changes is not None
    assert changes.seeds == (0, 1, 2)
    # 1: wrong three times, as 1, then right three times; 2: as 2 more often, then right twice; 4: wrong, right twice
    assert as_lists(changes.right) == [(0, 1, [1]), (0, 2, [2]), (1, 0, [4])]
    assert as_lists(changes.wrong) == [(2, 1, [5])]  # 7 is right in one seed alone, 6 wrong in one
    assert [(c.patches, c.right, c.wrong) for c in changes.by_class] == [(3, 2, 0), (2, 1, 0), (3, 0, 1)]
    assert [c.p for c in changes.by_class] == [0.5, 1.0, 1.0]
    assert [c.p_holm for c in changes.by_class] == holm([0.5, 1.0, 1.0])


def test_the_reverse_is_the_mirror() -> None:
    there, back = (find_changes(predictions(BEFORE, AFTER), *names) for names in (("arm", "plain"), ("plain", "arm")))
    assert there is not None
    assert back is not None
    assert as_lists(back.wrong) == as_lists(there.right)
    assert as_lists(back.right) == as_lists(there.wrong)


def test_the_patches_that_most_seeds_changed_come_first() -> None:
    before = [[1, 1, 1, 1], [1, 1, 0, 1], [0, 1, 1, 1]]
    after = [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    changes = find_changes(predictions(before, after, [0, 0, 0, 0], classes=2), "arm", "plain")
    assert changes is not None
    assert as_lists(changes.right) == [(0, 1, [1, 0, 3, 2])]  # 3, 2, 2 and 1 more seeds are right


def test_only_seeds_of_both_count_and_ties_are_neither() -> None:
    found = predictions(BEFORE, AFTER, seeds=((0, 1, 2), (1, 2, 3)))
    changes = find_changes(found, "arm", "plain")
    assert changes is not None
    assert changes.seeds == (1, 2)
    assert as_lists(changes.right) == [(0, 1, [1]), (0, 2, [2])]  # 4 was right in one of two seeds
    assert find_changes(predictions(BEFORE, AFTER, seeds=((0, 1, 2), (3, 4, 5))), "arm", "plain") is None


def test_an_arm_that_changes_nothing_has_no_pairs() -> None:
    changes = find_changes(predictions(BEFORE, BEFORE), "arm", "plain")
    assert changes is not None
    assert (changes.right, changes.wrong) == ((), ())
    assert {change.p for change in changes.by_class} == {1.0}


@given(
    st.integers(1, 5).flatmap(
        lambda seeds: st.lists(
            st.lists(st.integers(0, 3), min_size=12, max_size=12), min_size=2 * seeds, max_size=2 * seeds
        )
    )
)
def test_pairs_hold_each_changed_patch_once(rows: list[list[int]]) -> None:
    seeds = tuple(range(len(rows) // 2))
    labels = [0, 1, 2, 3] * 3
    found = predictions(rows[: len(seeds)], rows[len(seeds) :], labels, classes=4, seeds=(seeds, seeds))
    changes = find_changes(found, "arm", "plain")
    assert changes is not None
    before, after = (np.mean(np.array(part) == labels, axis=0) for part in (rows[: len(seeds)], rows[len(seeds) :]))
    for pairs, expected in (
        (changes.right, (after > 0.5) & (before < 0.5)),
        (changes.wrong, (after < 0.5) & (before > 0.5)),
    ):
        members = [row for pair in pairs for row in pair.rows.tolist()]
        assert sorted(members) == np.flatnonzero(expected).tolist()
        assert all(labels[row] == pair.true != pair.wrong for pair in pairs for row in pair.rows)
        assert sorted(pairs, key=lambda pair: -len(pair.rows)) == list(pairs)


@pytest.mark.parametrize(("right", "wrong"), [(0, 0), (1, 0), (0, 3), (5, 5), (12, 3), (400, 330), (0, 3000)])
def test_mcnemar_is_the_exact_binomial_test(right: int, wrong: int) -> None:
    expected = binomtest(right, right + wrong, 0.5).pvalue if right + wrong else 1.0
    assert mcnemar(right, wrong) == pytest.approx(expected, rel=1e-9, abs=1e-300)
