"""Saves a training while it goes on: its state is copied to host memory, and a thread does the rest.

At most one state is being saved and one of each kind waits: one that others need, which is never left out, and the
newest one, which replaces what waited before it. Unless time or epochs are given, a state is saved no sooner than 50
times as long after the last as that took, so that saving takes 2 % of a training at most even where the thread gets its
time from it; and copied for the case that the process is told to end, no more often than 200 times what a copy takes.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from raysat.config.spacing import Spacing
from raysat.errors import RaysatError
from raysat.training.checkpoint import TrainingState
from raysat.training.host_copy import HostCopy

_SAVE_SPACING: Final = 50
_COPY_SPACING: Final = 200
_LONGEST_S: Final = 600.0  # between two states that are saved, whatever that takes
# What saving is taken to cost before the first time: a sync, and so many bytes a second.
_SYNC_S: Final = 0.01
_BYTES_PER_S: Final = 2e8


class CheckpointWriter:
    """Saves states of one training; a context that ends when nothing is being saved any more."""

    def __init__(
        self,
        save: Callable[[TrainingState], None],
        spacing: Spacing,
        *,
        epoch: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            save: writes a state; a thread calls it.
            spacing: of states that only this training needs.
            epoch: at which the training begins.
            clock: seconds, from any start.
        """
        self._save, self._spacing, self._clock = save, spacing, clock
        self._changed = threading.Condition()
        self._needed: HostCopy | None = None
        self._newest: HostCopy | None = None
        self._is_due = False  # the newest one is to be saved
        self._is_saving = self._is_closed = False
        self._error: BaseException | None = None
        self._saved_at, self._saved_epoch, self._save_s = clock(), epoch, math.nan  # that were saved, or are to be
        self._copied_at, self._copy_s = -math.inf, 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def offer(
        self, state: Callable[[], TrainingState], epoch: int, *, needed: bool = False, seconds_left: float = math.inf
    ) -> None:
        """Save the state after an epoch, if it is time or others need it; train on when this returns.

        Args:
            state: says it.
            epoch: how many are done.
            needed: whether others start there.
            seconds_left: until the training is over: what would be saved by then only is of no use.

        Raises:
            StorageError: an earlier state could not be saved; or whatever else saving raised.
        """
        self._check()
        now = self._clock()
        may_copy = now - self._copied_at >= _COPY_SPACING * self._copy_s
        if not (needed or may_copy or self._is_time(now, epoch, seconds_left)):
            return
        if needed:
            with self._changed:
                self._changed.wait_for(lambda: self._needed is None or self._error is not None)
            self._check()
            now = self._clock()
        copy = HostCopy.of(state())
        self._copied_at, self._copy_s = now, self._clock() - now
        if math.isnan(self._save_s):
            self._save_s = _SYNC_S + copy.nbytes / _BYTES_PER_S
        is_due = needed or self._is_time(now, epoch, seconds_left)
        if is_due:
            self._saved_at, self._saved_epoch = now, epoch
        with self._changed:
            if needed:
                self._needed, self._newest, self._is_due = copy, None, False
            else:
                self._newest, self._is_due = copy, self._is_due or is_due
            self._changed.notify_all()

    def save_now(self, seconds: float) -> None:
        """Save the newest state that there is, in so many seconds if possible; from any other thread."""
        with self._changed:
            self._is_due = True
            self._changed.notify_all()
            self._changed.wait_for(self._is_idle, timeout=seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close; after an error that nobody expected with the newest state saved, from which training goes on."""
        try:
            self.close(with_newest=kind is not None and not issubclass(kind, RaysatError))
        except BaseException:
            if error is None:
                raise

    def close(self, *, with_newest: bool = False) -> None:
        """Wait for what is being saved, and for what others need. Raises what saving raised.

        Args:
            with_newest: save the newest state too.
        """
        with self._changed:
            if not with_newest:
                self._newest = None
            self._is_due = self._is_closed = True
            self._changed.notify_all()
        self._thread.join()
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _is_time(self, now: float, epoch: int, seconds_left: float) -> bool:
        """Whether a state is to be saved though nobody else needs it."""
        if self._spacing.epochs is not None:
            return epoch - self._saved_epoch >= self._spacing.epochs
        if self._spacing.seconds is not None:
            return now - self._saved_at >= self._spacing.seconds
        wait = min(_SAVE_SPACING * self._save_s, _LONGEST_S)
        return now - self._saved_at >= wait and seconds_left > self._save_s  # neither for one that is not known

    def _is_idle(self) -> bool:
        return self._error is not None or not (self._needed or (self._newest and self._is_due) or self._is_saving)

    def _next(self) -> HostCopy | None:
        """What is to be saved, as soon as there is something; None at the end."""
        with self._changed:
            self._is_saving = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._needed or (self._newest and self._is_due) or self._is_closed)
            copy = self._needed or self._newest
            if self._needed:
                self._needed = None
            else:
                self._newest, self._is_due = None, self._is_closed
            self._is_saving = copy is not None
            self._changed.notify_all()
            return copy

    def _run(self) -> None:
        try:
            while (copy := self._next()) is not None:
                began = self._clock()
                self._save(copy.state())
                self._save_s = self._clock() - began
        except BaseException as error:  # noqa: BLE001  (kept, and raised again where the training is)
            with self._changed:
                self._error, self._needed, self._newest, self._is_saving = error, None, None, False
                self._changed.notify_all()
