"""Keeps the index of a run's finished records up to date while the run goes on, beside it."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import Final, Self

from raysat.errors import StorageError
from raysat.execution.messages import State
from raysat.execution.row import Row
from raysat.execution.run_state import RunState
from raysat.planning.jobs import PlannedTrial
from raysat.storage.ledger import Ledger

_INTERVAL_S: Final = 30.0  # between two writings: a run that is killed loses what a second of reading finds again
_END_S: Final = 1.0  # that the end waits for a writing that has begun


class IndexKeeper:
    """Reads finished records and notes them in a thread of its own; use as a context manager around the run."""

    def __init__(self, state: RunState, ledger: Ledger, *, interval: float = _INTERVAL_S) -> None:
        """Take what is to be followed.

        Args:
            state: tells of finished trials.
            ledger: has their records.
            interval: seconds between two writings.
        """
        self._state, self._ledger, self._interval = state, ledger, interval
        self._finished = deque[str]()  # and not noted yet
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)

    def __enter__(self) -> Self:
        self._state.subscribers.append(self._hear)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join(_END_S)

    def _hear(self, row: Row | None) -> None:
        if row is not None and row.state == State.DONE and isinstance(row.item, PlannedTrial):
            self._finished.append(row.item.id)

    def _run(self) -> None:
        while not self._ends.wait(self._interval):
            taken = [self._finished.popleft() for _ in range(len(self._finished))]
            with suppress(StorageError):  # which shows where it matters: here it costs reading a record again
                self._finished.extend(self._ledger.index.add(taken, self._ledger.is_finished))
