"""Where the seconds of a command go, from its first line to its last: give it as ``on_event``, beside a view."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from raysat.execution.events import Ended, Event, Resized, Resumed, Started
from raysat.execution.run_state import RunState
from raysat.training.stopwatch import Part


class Phase(StrEnum):
    """What a command does, one after the other."""

    PLAN = "imports, study and plan"
    RAY = "Ray starts"
    FIRST_STEP = "the first job begins"
    JOBS = "jobs"
    END = "end and leaderboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds of a command."""

    phases: Mapping[Phase, float]  # of those that there were, in order
    slots: float  # of all slots together, from when jobs were handed out to when none ran any more
    parts: Mapping[Part, float]  # what of these the jobs that finished spent, and on what


class Timings:
    """Notes when the phases of a command end."""

    def __init__(self, began: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin.

        Args:
            began: when the command did, by the clock.
            clock: seconds, from any start; that of ``RunState``.
        """
        self._clock = clock
        self._ends: dict[Phase, float] = {}
        self._began, self._state = began, RunState()
        self._slots, self._slots_since, self._slot_seconds = 0, 0.0, 0.0

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Resumed():
                self._ends[Phase.PLAN] = self._clock()
            case Started(state=state, slots=slots):
                self._ends[Phase.RAY] = self._clock()
                self._state = state
                self._use(slots)
            case Resized(slots=slots):
                self._use(slots)
            case Ended():
                self._use(0)
                if self._state.first_step is not None:
                    self._ends[Phase.FIRST_STEP] = self._state.first_step
                self._ends[Phase.JOBS] = self._clock()
            case _:
                pass

    def spent(self) -> Spent:
        """Return where the seconds went until now, when the leaderboard is shown."""
        ends, phases, last = {**self._ends, Phase.END: self._clock()}, {}, self._began
        for phase in Phase:
            if phase in ends:
                phases[phase], last = max(0.0, ends[phase] - last), ends[phase]
        return Spent(phases=phases, slots=self._slot_seconds, parts=self._state.seconds)

    def _use(self, slots: int) -> None:
        now = self._clock()
        self._slot_seconds += self._slots * (now - self._slots_since)
        self._slots, self._slots_since = slots, now
