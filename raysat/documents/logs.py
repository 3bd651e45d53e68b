"""What ``raysat logs --json`` prints: what happened in a run or a search."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Document, Part, When


class EventPart(Part):
    """Something that happened."""

    time: When = Field(description="When, to milliseconds.")
    event: str = Field(description="A trial's new state, or what became of the run.")
    trial: str | None = Field(description="Id of a trial or generator; null where it is about the run.")
    name: str | None = Field(description="Arm of the trial, or what the generator makes.")
    seed: Count | None = Field(description="Of the trial.")
    epoch: Count | None = Field(description="Done by then; steps of a generator.")
    host: str = Field(description="Where: of a trial its worker's, else the driver's.")
    address: str | None = Field(description="Of that host, in Ray's lists.")
    pid: Count = Field(description="Of the worker, or the driver.")
    reason: str | None = Field(description="Why, or what came of it.")


class FailurePart(Part):
    """Why a trial failed."""

    id: str = Field(description="Of the trial.")
    time: When = Field(description="When.")
    error: str = Field(description="Why.")
    hint: str | None = Field(description="What to do about it.")
    traceback: str | None = Field(description="Where in the code; null of an error that was made on purpose.")


class LogsDocument(Document):
    """What happened, the earliest first."""

    folder: str = Field(description="Of the run or search.")
    events: tuple[EventPart, ...] = Field(description="All, or those of --arm and --seed.")
    failure: FailurePart | None = Field(description="Of the one trial that is asked for, where its last event is one.")
