"""Keeps a run's ``progress.json`` up to date, for ``raysat status``."""

from __future__ import annotations

import math
from typing import Final, Self

from raysat.execution.messages import State
from raysat.execution.row import Row
from raysat.execution.run_state import RunState
from raysat.files import AnyPath
from raysat.storage.heartbeat import RunningJob, RunStatus, write_status

_INTERVAL_S: Final = 2.0  # between two writings


class StatusFile:
    """Writes a run's state now and then; use as a context manager around the run."""

    def __init__(self, state: RunState, file: AnyPath) -> None:
        self._state, self._file, self._written = state, file, 0.0

    def __enter__(self) -> Self:
        self._state.subscribers.append(self._update)
        self._write()
        return self

    def __exit__(self, *_: object) -> None:
        self._write()

    def _update(self, _: Row | None) -> None:
        if self._state.elapsed - self._written >= _INTERVAL_S:
            self._write()

    def _write(self) -> None:
        """Write how the run is doing; a full disk shows elsewhere."""
        state, self._written = self._state, self._state.elapsed
        running = [_job(row) for row in state.open_rows if row.state in (State.STARTING, State.TRAINING)]
        status = RunStatus(
            done=state.count(State.DONE),
            failed=state.count(State.FAILED),
            already_done=state.already_done,
            total=state.total,
            running=tuple(running),
            waiting=state.waiting,
            eta_seconds=state.seconds_left(),
        )
        write_status(self._file, status)


def _job(row: Row) -> RunningJob:
    item, score = row.item, row.score
    if score is not None and not (math.isfinite(score.balanced_accuracy) and math.isfinite(score.icv)):
        score = None  # a model that has diverged: a file holds numbers alone
    return RunningJob(
        job=item.id,
        name=item.name,
        seed=item.seed,
        epoch=row.epoch,
        epochs=item.epochs,
        balanced_accuracy=None if score is None else score.balanced_accuracy,
        icv=None if score is None else score.icv,
    )
