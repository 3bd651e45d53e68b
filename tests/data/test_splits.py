"""The split made where none is given: stratified, deterministic, every patch in one split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.splits import stratified
from tests.helpers.data import quick


@quick
@given(st.lists(st.integers(0, 4), min_size=1, max_size=200))
def test_every_class_is_shared_out_70_15_15(labels):
    labels = np.array(labels)
    splits = np.array(stratified(labels))
    assert splits.shape == labels.shape
    for label in np.unique(labels):
        size = int(np.sum(labels == label))
        counts = {split: int(np.sum(splits[labels == label] == split)) for split in ("train", "val", "test")}
        assert sum(counts.values()) == size
        if size < 3:
            assert counts["train"] == size
        else:
            assert counts["val"] == counts["test"] == max(1, round(0.15 * size + 1e-9))
            assert counts["train"] >= 1


def test_the_same_labels_always_split_the_same_way():
    labels = np.random.default_rng(1).integers(0, 4, 500)
    first = stratified(labels)
    np.random.default_rng().random(10)
    assert stratified(labels) == first
    assert len({tuple(first[i : i + 20]) for i in range(0, 500, 20)}) > 10  # shuffled, not cut in runs


@pytest.mark.parametrize(("val", "test", "counts"), [(0.1, 0.2, (70, 10, 20)), (0.25, 0.25, (50, 25, 25))])
def test_other_shares(val, test, counts):
    splits = stratified(np.zeros(100), val=val, test=test)
    assert tuple(splits.count(split) for split in ("train", "val", "test")) == counts


@quick
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), min_size=1, max_size=200))
def test_copies_follow_the_first_of_their_kind(drawn):
    labels, content = np.array(drawn).T
    firsts = np.array([list(content).index(key) for key in content])
    splits = np.array(stratified(labels, firsts=firsts))
    for key in np.unique(content):
        assert len(set(splits[content == key])) == 1
    originals = np.unique(firsts)
    for label in np.unique(labels[originals]):
        of_it = splits[originals[labels[originals] == label]]
        expected = max(1, round(0.15 * len(of_it) + 1e-9)) if len(of_it) >= 3 else 0
        assert [np.sum(of_it == split) for split in ("val", "test")] == [expected] * 2


def test_without_copies_the_split_is_the_same():
    labels = np.random.default_rng(1).integers(0, 4, 500)
    assert stratified(labels, firsts=np.arange(500)) == stratified(labels)
