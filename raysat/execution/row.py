"""What is known of one trial or generator while a run goes on."""

from __future__ import annotations

from dataclasses import dataclass

from raysat.execution.messages import Score, State, WorkerPlace
from raysat.planning.jobs import WorkItem


@dataclass(slots=True)
class Row:
    """What is known of a trial or generator that has started."""

    item: WorkItem
    state: State = State.STARTING
    epoch: int = 0
    score: Score | None = None
    worker: WorkerPlace | None = None  # which reported last on it
    reason: str | None = None  # why it waits again

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in (State.DONE, State.STOPPED, State.FAILED)
