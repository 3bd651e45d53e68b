"""Where the seconds of a job go, part by part, as its worker waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Generic, TypeVar


class Part(StrEnum):
    """What a worker does for a job."""

    SETUP = "opening data, building networks"  # and reading a checkpoint
    STEPS = "training steps"
    VALIDATION = "validation after each epoch"
    BATCH_NORM = "batch norm of averaged weights"
    EVALUATION = "evaluation of final models"
    CHECKPOINTS = "checkpoints, where training waits"
    RECORDS = "records"
    GENERATION = "generators"


_Key = TypeVar("_Key")


class Stopwatch(Generic[_Key]):
    """Adds up the seconds of each part; parts do not overlap.

    On a GPU what is launched and not waited for counts in the part that waits: steps and predictions wait for their own
    results, the re-estimation of batch norm does not.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: dict[_Key, float] = {}
        self._clock = clock

    @contextmanager
    def timing(self, part: _Key) -> Iterator[None]:
        """Count what is done within as a part's, also where it raises."""
        began = self._clock()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + self._clock() - began
