"""Writes what happens in a run to its event log, as one that listens to its events."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict

from raysat.errors import StorageError
from raysat.execution.events import Ended, Event, GpuShared, NodeLost, NodeUnfit, Progress, Resized, Started
from raysat.execution.messages import State
from raysat.execution.row import Row
from raysat.execution.run_state import RunState
from raysat.formatting import one_line, plural
from raysat.storage.event_log import EventLog, LoggedEvent
from raysat.storage.ledger import Ledger


class RunLog:
    """Logs each new state of a trial or generator, and what becomes of the run and its nodes; no epochs."""

    def __init__(self, log: EventLog, ledger: Ledger) -> None:
        self._log, self._ledger = log, ledger
        self._states: dict[str, State] = {}  # of trials and generators, as they were logged last
        self._run: RunState | None = None

    def __call__(self, event: Event) -> None:
        """Log an event that an operator asks for later."""
        match event:
            case Started(state=state, slots=slots):
                self._run = state
                self._write("run started", f"{plural(slots, 'job')} at a time")
            case GpuShared(choice=choice):
                self._write("gpu shared", choice)
            case Resized(slots=slots):
                self._write("nodes changed", f"{plural(slots, 'job')} at a time")
            case NodeLost(node=node, jobs=jobs):
                self._write("node lost", f"{node}, with {plural(jobs, 'job')}")
            case NodeUnfit(node=node, reason=reason):
                self._write("node unfit", f"{node}: {reason}")
            case Progress(row=Row() as row):
                self._row(row)
            case Ended() if self._run:
                done, failed = self._run.count(State.DONE), self._run.count(State.FAILED)
                self._write("run ended", f"{plural(done, 'job')} done, {failed} failed")
            case _:
                pass

    def _write(self, event: str, reason: str) -> None:
        self._log.write(LoggedEvent(event=event, reason=reason))

    def _row(self, row: Row) -> None:
        item, state = row.item, row.state
        if self._states.get(item.id) == state:
            return
        self._states[item.id] = state
        place = {} if row.worker is None else asdict(row.worker)
        self._log.write(
            LoggedEvent(
                event=state,
                trial=item.id,
                name=item.name,
                seed=item.seed,
                epoch=row.epoch,
                reason=self._reason(row),
                **place,
            )
        )

    def _reason(self, row: Row) -> str | None:
        if row.state == State.WAITING:
            return row.reason
        if row.state != State.FAILED:
            return None
        with suppress(StorageError):
            if failure := self._ledger.read_failure(row.item.id):
                return one_line(failure.error)
        return "what it needs failed"
