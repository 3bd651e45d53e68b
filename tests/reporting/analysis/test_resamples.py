"""Resamples in memory and in a file are the same, bit for bit, however they were written."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.errors import DiskError
from raysat.reporting.analysis import bootstrap
from raysat.reporting.analysis.bootstrap import resample
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.reporting.analysis.resamples import Resamples


@given(
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    metrics=st.integers(1, 4),
    trials=st.integers(1, 6),
    at_once=st.integers(1, 6),
    data=st.data(),
)
def test_what_is_read_is_what_was_written(
    sizes: list[int], metrics: int, trials: int, at_once: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(metrics, sum(sizes), trials))
    rows = data.draw(st.lists(st.integers(0, trials - 1), max_size=8))
    for in_memory in (0, 1 << 30):
        kept = Resamples(metrics, sum(sizes), trials, in_memory=in_memory)
        start = 0
        for size in sizes:
            for first in range(0, trials, at_once):
                kept.add(start, first, whole[:, start : start + size, first : first + at_once])
            start += size
        found = kept.of(rows)
        assert found.dtype == np.float32
        assert np.array_equal(found, whole.astype(np.float32)[:, :, rows])


def predictions(classes: int, trials: int) -> TrialPredictions:
    rng = np.random.default_rng(classes)
    labels = np.sort(rng.integers(0, classes, 60)).astype(np.uint8)
    return TrialPredictions(
        labels=labels,
        positions=np.arange(60),
        predicted=rng.integers(0, classes, (trials, 60)).astype(np.uint8),
        confusion=np.zeros((trials, classes, classes), np.int64),
        rows={},
        scores=(),
        records=(),
        reliability={},
    )


@pytest.mark.parametrize("classes", [1, 2, 4, 9, 17])
@pytest.mark.parametrize("trials", [1, 2, 7])
def test_how_many_are_computed_at_a_time_changes_no_bit(
    classes: int, trials: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, rows = predictions(classes, trials), list(range(trials))
    at_once = resample(known, n_resamples=450).of(rows)
    for numbers in (1, 300, 5_000):
        monkeypatch.setattr(bootstrap, "_MOST_NUMBERS", numbers)
        assert np.array_equal(resample(known, n_resamples=450).of(rows), at_once, equal_nan=True)


def test_where_no_file_can_be_made_it_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nothing"))
    with pytest.raises(DiskError, match="nothing cannot be written"):
        Resamples(1, 1, 1, in_memory=0)
