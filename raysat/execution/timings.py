"""Where the seconds of a command go, from its first line to its last: give it as ``on_event``, beside a view."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from raysat.execution.events import Ended, Event, Progress, Resumed, Started
from raysat.execution.run_state import RunState
from raysat.training.stopwatch import Part


class Phase(StrEnum):
    """What a command does, one after the other."""

    PLAN = "imports, study and plan"  # and what of it is finished
    START = "data and Ray are made ready"  # and what a cache has, and a wait for another raysat
    FIRST_STEP = "the first job begins"
    JOBS = "jobs"
    END = "end and leaderboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds of a command."""

    phases: Mapping[Phase, float]  # of those that there were, in order
    jobs: float  # of all jobs together, each from when a slot got it
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
        self._running, self._counted_until, self._job_seconds = 0, 0.0, 0.0

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Resumed():
                self._ends[Phase.PLAN] = self._clock()
            case Started(state=state):
                self._ends[Phase.START] = self._clock()
                self._state = state
            case Progress():
                self._count()
            case Ended():
                self._count()
                if math.isfinite(self._state.first_step):
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
        return Spent(phases=phases, jobs=self._job_seconds, parts=self._state.seconds)

    def _count(self) -> None:
        """Count the time since the last event for each job that ran then."""
        now = self._clock()
        self._job_seconds += self._running * (now - self._counted_until)
        self._running, self._counted_until = self._state.running, now
