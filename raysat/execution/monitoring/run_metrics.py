"""Exports what the driver of a run knows: how many trials are in which state, what waits, was lost and tried again.

It listens to the run's state in the driver's own thread, as ``status_file.py`` does, at most every two seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final, Self

from raysat.execution.messages import State
from raysat.execution.monitoring import catalog
from raysat.execution.monitoring.catalog import JobState, TrialState
from raysat.execution.monitoring.ray_metrics import EVERY_S, are_collected, no_matter, ray_metrics
from raysat.execution.row import Row
from raysat.execution.run_state import RunState

_STATES: Final = {
    TrialState.RUNNING: (State.STARTING, State.TRAINING),
    TrialState.WAITING: (State.WAITING,),
    TrialState.DONE: (State.DONE,),
    TrialState.STOPPED: (State.STOPPED,),
    TrialState.FAILED: (State.FAILED,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the cluster has just now."""

    slots: int  # jobs that fit at a time
    nodes: int  # alive


class RunMetrics:
    """Exports a run's state now and then; use as a context manager around the run."""

    def __init__(self, study: str, state: RunState, room: Callable[[], Room]) -> None:
        """Begin.

        Args:
            study: the label of all metrics.
            state: of the run.
            room: says what the cluster has; must not wait for anybody.
        """
        self._metrics, self._state, self._room = ray_metrics(study), state, room
        self._exported = self._progressed = time.time()
        self._progress: dict[str, tuple[tuple[State, int], float]] = {}  # by open row: how far it was, and since when

    def __enter__(self) -> Self:
        self._state.subscribers.append(self._update)
        with no_matter():
            self._export(active=True)
        return self

    def __exit__(self, *_: object) -> None:
        with no_matter():
            self._export(active=False)

    def _update(self, row: Row | None) -> None:
        now = time.time()
        if row is not None:
            reached = row.state, row.epoch
            if row.item.id not in self._progress or self._progress[row.item.id][0] != reached:
                self._progress[row.item.id] = reached, now
                self._progressed = now
            if row.has_ended:
                self._progress.pop(row.item.id, None)
        if not 0 <= now - self._exported < EVERY_S:  # the clock may be set
            self._exported = now
            with no_matter():
                self._export(active=True)

    def _export(self, *, active: bool) -> None:
        state, room, metrics = self._state, self._room(), self._metrics
        metrics.set(catalog.ACTIVE, active)
        for name, number in counts(state).items():
            metrics.set(catalog.TRIALS, number, state=name)
        metrics.set(catalog.JOBS, state.running, state=JobState.RUNNING)
        metrics.set(catalog.JOBS, state.waiting, state=JobState.WAITING)
        metrics.set(catalog.SLOTS, room.slots)
        metrics.set(catalog.NODES, room.nodes)
        metrics.set(catalog.RETRIES, state.retries)
        metrics.set(catalog.LOST_NODES, len(state.lost_nodes))
        metrics.set(catalog.PROGRESS_TIME, self._progressed)
        if active and (left := state.seconds_left()) is not None:
            metrics.set(catalog.SECONDS_LEFT, left)
        for row in self._running() if active else ():
            trial = {"arm": row.item.name, "seed": _seed(row)}
            metrics.set(catalog.TRIAL_EPOCHS, row.epoch, **trial)
            metrics.set(catalog.TRIAL_PROGRESS_TIME, self._progress[row.item.id][1], **trial)

    def _running(self) -> Iterator[Row]:
        return (
            row
            for row in self._state.open_rows
            if row.state in _STATES[TrialState.RUNNING] and row.item.id in self._progress
        )


def counts(state: RunState) -> dict[TrialState, int]:
    """How many trials and generators of a run are in each state; those that were done before are done."""
    found = {name: sum(map(state.count, states)) for name, states in _STATES.items()}
    begun = sum(found.values())
    found[TrialState.DONE] += state.already_done
    return {TrialState.MISSING: max(0, state.total - state.already_done - begun), **found}


def run_metrics(study: str | None, state: RunState, room: Callable[[], Room]) -> RunMetrics | nullcontext[None]:
    """What exports a run's state within it; nothing where nobody collects metrics.

    Args:
        study: the label of all metrics; None where nobody collects them.
        state: of the run.
        room: says what the cluster has; must not wait for anybody.

    Returns:
        A context manager around the run.
    """
    return RunMetrics(study, state, room) if study is not None and are_collected() else nullcontext()


def _seed(row: Row) -> str:
    return "" if row.item.seed is None else str(row.item.seed)
