"""What workers report of a job, and how that travels in the result dictionaries of Ray Tune."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from raysat.execution.store_news import StoreNews
from raysat.training.stopwatch import Part


class State(StrEnum):
    """How a job, a trial or a generator is doing."""

    WAITING = "waiting"  # for a slot, after its worker died
    STARTING = "starting"
    TRAINING = "training"
    DONE = "done"
    STOPPED = "stopped"  # early, by a search
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlace:
    """Where a job is done; of several workers, where the slot is that they work for."""

    host: str  # its name
    address: str  # as Ray's lists have it
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How good a model is on the validation split."""

    balanced_accuracy: float
    icv: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochDone:
    """A job has finished an epoch."""

    job: str
    epoch: int  # epochs done; steps of a generator
    score: Score | None = None  # of the weights as they are now
    from_checkpoint: bool = False  # trained by an earlier attempt or run
    seconds: float = field(default=0.0, compare=False)  # since it began; of a generator, since its first step did


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsTimed:
    """A job has taken its first steps: how fast, long before its first epoch may end."""

    job: str
    images_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSaved:
    """The state of a job after an epoch is on disk, as are those before it that other jobs need."""

    job: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDone:
    """A trial that ends on a job before the job does has its record."""

    job: str
    trial: str
    score: Score | None = None  # of the final model; None where an earlier attempt has finished the trial


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDone:
    """All records of a job are written."""

    job: str
    score: Score | None = None  # of its last trial's final model; None where an earlier attempt has finished that
    seconds: Mapping[Part, float] = field(default_factory=dict, compare=False)  # where they went


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFailed:
    """A job cannot be done, and would fail again in the same way; the ledger says why."""

    job: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageFailed:
    """A record cannot be written, so nothing more can be done."""

    job: str
    error: str
    hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTold:
    """How the store reaches the machine of a job's worker."""

    job: str
    news: StoreNews


Message = StoreTold | StepsTimed | EpochDone | StateSaved | TrialDone | JobDone | JobFailed | StorageFailed
_KEY: Final = "message"


def to_result(message: Message) -> dict[str, Any]:
    """Wrap a message for Ray Tune, beside the few values that Tune itself reads."""
    result: dict[str, Any] = {
        _KEY: message,
        "done": not isinstance(message, StoreTold | StepsTimed | EpochDone | StateSaved | TrialDone),
    }
    if isinstance(message, EpochDone) and message.score is not None:  # by which ASHA stops jobs
        result |= {"epoch": message.epoch, "balanced_accuracy": message.score.balanced_accuracy}
    return result


def place_of(result: Mapping[str, Any]) -> WorkerPlace:
    """Where a result of Ray Tune comes from: Tune says so in each."""
    return WorkerPlace(host=result["hostname"], address=result["node_ip"], pid=result["pid"])


def from_result(result: Mapping[str, Any] | None) -> Message | None:
    """Unwrap the message of a result of Ray Tune; None where it holds none: no worker wrote it."""
    message: Message | None = (result or {}).get(_KEY)
    return message
