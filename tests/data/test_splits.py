"""The split made where none is given: stratified, deterministic, every patch in one split."""

import numpy as np
import pytest
from data_helpers import quick
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.splits import stratified


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
