"""Deletes the checkpoints that no job of a run can use any more."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final

from raysat.errors import DiskError
from raysat.planning.stages import Job, TrainJob
from raysat.storage.checkpoints import Checkpoints

_PAUSE: Final = 20  # times as long as the look before


class CheckpointSweeper:
    """Deletes the checkpoints that no unfinished job can use, as jobs end.

    A look at all that are there grows with their number, so one that took long is followed by a pause of twenty times
    as long.
    """

    def __init__(
        self, checkpoints: Checkpoints, jobs: Collection[TrainJob], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Sweep what an earlier run has left.

        Args:
            checkpoints: of the run.
            jobs: all that it has to do.
            clock: seconds, from any start.
        """
        self._clock = clock
        self._checkpoints, self._unfinished = checkpoints, {job.id for job in jobs}
        self._users = Counter(state for job in jobs for state in job.states)  # unfinished jobs that pass a state
        self._next = 0.0
        if jobs:
            checkpoints.tidy()
            self.sweep()

    def job_done(self, job: Job) -> None:
        """Delete what this job alone could use, now or soon: where storage does not answer, after a later job."""
        if not isinstance(job, TrainJob) or job.id not in self._unfinished:
            return
        self._unfinished.remove(job.id)
        for state in job.states:
            self._users[state] -= 1
            if not self._users[state]:
                del self._users[state]
        if self._clock() >= self._next:
            with suppress(DiskError):  # the records are written: no run need end for a file too many
                self.sweep()

    def sweep(self) -> None:
        """Delete all that no unfinished job can use. Raises StorageError."""
        began = self._clock()
        try:
            self._checkpoints.sweep(self._users)
        finally:
            ended = self._clock()
            self._next = ended + _PAUSE * (ended - began)
