"""Follows a run: sends what is new in its storage to one tracker, time and again, until the run ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from raysat.errors import DiskError, RaysatError, StorageError, TrackerError
from raysat.formatting import one_line
from raysat.tracking.models import Head, Sent
from raysat.tracking.source import Look, Source
from raysat.tracking.tracker import Tracker

EVERY_S: Final = 3.0  # between two looks; a run says every two seconds how far it is
_SHARE: Final = 5  # and as many times as long as a look takes, which lists a large run's folder
_LONGEST_S: Final = 60.0  # between two looks while the tracker's server is lost
_TRIES: Final = 3  # of the last look
_NAMED: Final = 1000  # trials left out, each with its reason


class Follower:
    """Sends one run to one tracker; every trial once."""

    def __init__(self, source: Source, tracker: Tracker, sent: Sent, told: Callable[[Sent], None]) -> None:
        """Begin with nothing sent.

        Args:
            source: the run.
            tracker: takes it.
            sent: how far it is, that is, nowhere.
            told: is called with each change of that.
        """
        self._source, self._tracker, self._told = source, tracker, told
        self._state = sent
        self._done: set[str] = set()
        self._left: dict[str, str] = {}  # why a trial cannot be sent
        self._live: dict[str, tuple[Head, int]] = {}  # the last epoch that was sent

    @property
    def state(self) -> Sent:
        """How far it is."""
        return self._state

    def follow(self, is_over: Callable[[Look | None], bool], wait: Callable[[float], object]) -> None:
        """Look again until the run is over, then once more.

        Args:
            is_over: says so, from the last look; None where the run cannot be read yet.
            wait: for so many seconds, or less.

        Raises:
            RaysatError: what is left cannot be sent.
        """
        faults = 0
        while True:
            began, look = time.monotonic(), None
            try:
                look = self.look()
                faults = 0
            except RaysatError as error:
                faults += 1
                self._tell(error=error.message)
            if is_over(look):
                break
            took = time.monotonic() - began
            wait(min(_LONGEST_S, max(EVERY_S, _SHARE * took) * 2 ** min(faults, 5)))
        self.finish(wait)

    def finish(self, wait: Callable[[float], object]) -> None:
        """Send all that there is, the report too, and close the tracker. Raises RaysatError where that fails."""
        for number in range(1, _TRIES + 1):
            try:
                look = self.look()
                goes_on = {head.id for head, _ in look.running}
                for head, _ in [each for trial, each in self._live.items() if trial not in goes_on]:
                    self._tracker.give_up(head, failed=head.id in look.failed)
                    del self._live[head.id]
                for head in look.heads:
                    if head.id in look.failed:
                        self._leave_out(head, look.failed[head.id])
                self._tracker.files(look.study, self._source.files())
                self._tracker.close()
            except TrackerError as error:
                self._tell(error=error.message)
                if number == _TRIES:
                    raise
                wait(EVERY_S)
            else:
                self._tell(ended=True, error=None)
                return

    def look(self) -> Look:
        """Send what is new. Raises TrackerError, or StorageError where the run cannot be read."""
        look = self._source.look()
        self._tell(total=len(look.heads))
        for head, point in look.running:
            if head.id not in self._done and point.epoch > self._live.get(head.id, (head, 0))[1]:
                self._tracker.live(head, point)
                self._live[head.id] = (head, point.epoch)
        for head in look.heads:
            if head.id in look.ended and head.id not in self._done and head.id not in self._left:
                self._send(head)
        self._tell(error=None)
        return look

    def _send(self, head: Head) -> None:
        try:
            trial = self._source.trial(head)
        except DiskError:  # of the machine, not of the record
            raise
        except StorageError as error:
            self._leave_out(head, error.message)
            return
        self._tracker.send(trial)
        self._done.add(head.id)
        self._live.pop(head.id, None)
        self._tell(sent=len(self._done), error=None)

    def _leave_out(self, head: Head, reason: str) -> None:
        self._left[head.id] = one_line(f"{head.name}: {reason}")
        self._tell(left=tuple(self._left.values())[:_NAMED])

    def _tell(self, **changes: object) -> None:
        """Tell of a change."""
        state = self._state.model_copy(update={"place": self._tracker.place} | changes)
        if state != self._state:
            self._state = state
            self._told(state)
