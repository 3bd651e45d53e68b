"""What ``raysat status --json`` prints: how far a run or a search is."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from raysat.documents.base import Count, Document, Part, Real, When


class RunningPart(Part):
    """A trial or generator that trains now."""

    id: str = Field(description="Of the trial or generator.")
    name: str = Field(description="Of its arm or candidate, or what it makes.")
    seed: Count | None = Field(description="null of a generator.")
    epoch: Count = Field(description="Done; steps of a generator.")
    epochs: Count = Field(description="In all; steps of a generator.")
    balanced_accuracy: Real = Field(description="On val after that epoch, 0 to 1; null before the first.")
    icv: Real = Field(description="On val after that epoch; null before the first.")


class ProcessPart(Part):
    """The raysat that fills the run, or filled it last."""

    host: str = Field(description="Its machine.")
    pid: Count = Field(description="Its process.")
    alive: bool = Field(description="It runs now, as far as can be told from here.")
    unfinished: bool = Field(description="It had more to do when it was seen; one that is not alive died, then.")
    seen: When = Field(description="When it last wrote how far it is.")
    seconds_left: Real = Field(description="That it expected to need then.")
    running: tuple[RunningPart, ...] = Field(description="What it trains; empty where it is not alive.")
    waiting: Count = Field(description="Jobs for which no node is there; 0 where it is not alive.")


class StatesPart(Part):
    """Trials by state."""

    done: Count = Field(description="With a record.")
    running: Count = Field(description="Now.")
    failed: Count = Field(description="With a reason on record, or a record that cannot be used.")
    missing: Count = Field(description="All others.")


class ArmStatesPart(StatesPart):
    """Trials of an arm by state."""

    name: str = Field(description="Of the arm.")


class FailedTrialPart(Part):
    """A trial that failed."""

    arm: str = Field(description="Its arm.")
    seed: Count = Field(description="Its seed.")
    error: str = Field(description="Why, in a line.")


class CandidatesPart(Part):
    """Candidates of a search by state."""

    finished: Count = Field(description="With a record.")
    stopped: Count = Field(description="Early.")
    failed: Count = Field(description="With an error.")
    running: Count = Field(description="Now; of a search that is not alive: interrupted.")


class BestPart(Part):
    """The best candidate of a search so far."""

    name: str = Field(description="base, or its number.")
    balanced_accuracy: Real = Field(description="On val, 0 to 1.")
    icv: Real = Field(description="On val.")


class StatusDocument(Document):
    """How far a run or a search is, from its folder alone."""

    kind: Literal["run", "search"] = Field(description="What it is.")
    folder: str = Field(description="Its folder or URL.")
    study: str = Field(description="Its name.")
    complete: bool = Field(description="Nothing is left to do, and nobody fills it.")
    starting: str | None = Field(description="Who holds the folder and has not said yet how far it is.")
    process: ProcessPart | None = Field(description="Who fills it, or did last; null where nobody did.")
    trials: StatesPart | None = Field(description="Of a run; null of a search.")
    arms: tuple[ArmStatesPart, ...] = Field(description="Of a run, in the order of the study; empty of a search.")
    failed: tuple[FailedTrialPart, ...] = Field(description="Of a run.")
    checkpoints: Count = Field(description="Of unfinished trials, from which training goes on.")
    command: str | None = Field(description="That began the run, and trains what is missing.")
    candidates: CandidatesPart | None = Field(description="Of a search; null of a run.")
    best: BestPart | None = Field(description="Of a search; null of a run, and where nothing has finished.")
