"""Splits of whole groups, folds and buffers, against brute force."""

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from raysat.data.split_groups import DROPPED, apply_buffer, assign_folds, assign_groups
from raysat.errors import DataError
from tests.helpers.data import quick


def drawn(seed, groups, patches, classes=3):
    """Random groups, each used, and labels of which the last class is rare."""
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.arange(groups), rng.integers(0, groups, patches)])
    chances = np.linspace(3, 0.4, classes)
    return codes, rng.choice(classes, len(codes), p=chances / chances.sum())


CASES = given(seed=st.integers(0, 10_000), groups=st.integers(3, 40), patches=st.integers(0, 200))


def in_one_split(codes, splits):
    return all(len(set(splits[codes == code])) == 1 for code in np.unique(codes))


@quick
@CASES
def test_no_group_is_in_two_splits_and_no_split_is_empty(seed, groups, patches):
    codes, labels = drawn(seed, groups, patches)
    splits = assign_groups(codes, labels, seed=seed)
    assert in_one_split(codes, splits)
    assert set(splits.tolist()) == {0, 1, 2}
    np.testing.assert_array_equal(splits, assign_groups(codes, labels, seed=seed))


@pytest.mark.parametrize(("val", "test"), [(0.15, 0.15), (0.1, 0.3)])
@pytest.mark.parametrize("seed", range(5))
def test_each_class_is_shared_out_as_wanted(seed, val, test):
    codes, labels = drawn(seed, 150, 3000)
    splits = assign_groups(codes, labels, val=val, test=test, seed=seed)
    shares = np.array([[np.mean(splits[labels == label] == code) for label in range(3)] for code in range(3)])
    np.testing.assert_allclose(shares, np.repeat([[1 - val - test], [val], [test]], 3, axis=1), atol=0.01)


def spread(folds, labels):
    """How far the class shares of test splits are from those wanted: root mean square."""
    counts = np.array([np.bincount(labels[fold], minlength=3) for fold in folds]) / np.bincount(labels)
    return np.sqrt(np.mean((counts - 1 / len(folds)) ** 2))


@pytest.mark.parametrize("seed", range(5))
def test_classes_are_kept_as_well_as_by_scikit_learn(seed):
    codes, labels = drawn(seed, 60, 600)
    ours = [np.flatnonzero(splits == 2) for splits in assign_folds(codes, labels, folds=5, seed=seed)]
    theirs = [test for _, test in StratifiedGroupKFold(5).split(labels, labels, codes)]
    assert spread(ours, labels) <= spread(theirs, labels) + 0.002


def test_a_class_of_one_group_is_where_that_is():
    codes = np.repeat(np.arange(10), 10)
    labels = (codes == 7).astype(int)
    splits = assign_groups(codes, labels)
    assert len(set(splits[labels == 1])) == 1


@quick
@given(seed=st.integers(0, 10_000), groups=st.integers(4, 40), patches=st.integers(0, 200), folds=st.integers(2, 6))
def test_every_group_is_in_test_once(seed, groups, patches, folds):
    assume(groups >= folds + 2)
    codes, labels = drawn(seed, groups, patches)
    found = assign_folds(codes, labels, folds=folds, seed=seed)
    assert len(found) == folds
    np.testing.assert_array_equal(np.sum([splits == 2 for splits in found], axis=0), 1)
    for splits in found:
        assert in_one_split(codes, splits)
        assert set(splits.tolist()) == {0, 1, 2}


def test_folds_have_their_shares():
    codes, labels = drawn(1, 200, 4000)
    for splits in assign_folds(codes, labels, folds=5, val=0.15):
        for label in range(3):
            shares = np.bincount(splits[labels == label], minlength=3) / np.sum(labels == label)
            np.testing.assert_allclose(shares, [0.65, 0.15, 0.2], atol=0.015)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: assign_groups(np.array([0, 1, 1]), np.zeros(3, int)), "2 groups of patches cannot be split into"),
        (lambda: assign_groups(np.zeros(3, int), np.zeros(3, int)), "1 group of patches cannot be split"),
        (lambda: assign_folds(np.arange(4), np.zeros(4, int), folds=5), "4 groups of patches cannot be in 5 folds"),
        (lambda: assign_folds(np.arange(2), np.zeros(2, int), folds=2), "fold 1 of 2 leaves 1 group for train and val"),
    ],
)
def test_too_few_groups_are_one_line(call, message):
    with pytest.raises(DataError, match=message) as caught:
        call()
    assert "block" in caught.value.hint


@quick
@given(seed=st.integers(0, 10_000), count=st.integers(3, 80), buffer=st.floats(0, 300))
def test_no_patch_is_within_the_buffer_of_another_splits(seed, count, buffer):
    rng = np.random.default_rng(seed)
    space = rng.uniform(0, 1000, (count, 3)).round(-1)  # many at the same distance
    splits = np.concatenate([[0, 1, 2], rng.integers(0, 3, count - 3)])
    try:
        found = apply_buffer(splits, space, buffer)
    except DataError:  # below
        reject()
    left = found.splits
    kept = left != DROPPED
    np.testing.assert_array_equal(left[kept], splits[kept])
    apart = np.linalg.norm(space[:, None] - space[None], axis=-1)
    other = kept[:, None] & kept[None] & (left[:, None] != left[None])
    assert not other.any() or apart[other].min() > buffer
    assert found.dropped == tuple(int(((splits == code) & ~kept).sum()) for code in range(3))
    # What is measured on stays: nothing of test goes, nothing goes that is far from what stays or was.
    assert found.dropped[2] == 0
    for row in np.flatnonzero(~kept):
        assert apart[row][splits != splits[row]].min() <= buffer


def test_a_buffer_that_empties_a_split_is_one_line():
    space = np.array([[0.0, 0, 0], [5, 0, 0], [100, 0, 0]])
    with pytest.raises(DataError, match=r"a buffer of 10 m leaves no patch in train") as caught:
        apply_buffer(np.array([0, 1, 2]), space, 10.0)
    assert "buffer" in caught.value.hint
    with pytest.raises(DataError, match=r"leaves no patch in val"):
        apply_buffer(np.array([0, 2, 1]), np.array([[0.0, 0, 0], [96, 0, 0], [100, 0, 0]]), 10.0)
