"""Seconds by part, by a clock that the test moves; and those of a real training add up to what it took."""

import time

import pytest

from raysat.training.loop import Training
from raysat.training.stopwatch import Part, Stopwatch
from tests.helpers.training import MakeStore
from tests.helpers.worker import planned


def test_a_part_adds_up_also_where_it_raises() -> None:
    times = iter((1.0, 3.0, 10.0, 10.5))
    watch = Stopwatch(clock=lambda: next(times))
    with watch.timing(Part.STEPS):
        pass
    with pytest.raises(ValueError, match="x"), watch.timing(Part.STEPS):
        raise ValueError("x")
    assert watch.seconds == {Part.STEPS: 2.5}


def test_a_training_spends_its_time_in_its_parts(make_store: MakeStore) -> None:
    store, watch = make_store(), Stopwatch()
    trial = planned(store, optim={"epochs": 2}, average={"kind": "ema"}).trial
    training = Training(trial, store, stopwatch=watch)
    began = time.perf_counter()
    training.advance()
    training.advance()
    training.result()
    took = time.perf_counter() - began
    assert watch.seconds.keys() == {Part.STEPS, Part.VALIDATION, Part.BATCH_NORM, Part.EVALUATION}
    assert 0.5 * took < sum(watch.seconds.values()) <= took
