"""What trackers are sent: a trial that trains, one that has ended, files of a report; and how far that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias, get_args

from pydantic import Field

from raysat.files import FileModel
from raysat.files.fields import Count, Line

TrackerKind = Literal["tensorboard", "mlflow", "wandb"]
KINDS: Final[tuple[TrackerKind, ...]] = get_args(TrackerKind)
Setting: TypeAlias = str | int | float | bool | None
NAMES: Final[Mapping[TrackerKind, str]] = {"tensorboard": "TensorBoard", "mlflow": "MLflow", "wandb": "W&B"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a trial is called."""

    id: str  # safe as a file name
    study: str
    arm: str  # any text; the first in the study's order, where arms share the trial
    seed: int
    arms: tuple[str, ...]  # all that share it

    @property
    def name(self) -> str:
        """How people call it."""
        return f"{self.arm} seed {self.seed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """How good a model is that trains, on val after an epoch."""

    epoch: int
    balanced_accuracy: float
    icv: float

    @property
    def values(self) -> dict[str, float]:
        """Its values by the names that they have in the whole curve."""
        return {"curve/balanced_accuracy": self.balanced_accuracy, "curve/icv": self.icv}


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One epoch of a learning curve."""

    step: int  # epochs done
    time: float  # seconds since 1970; between the trial's start and end by its share of the epochs
    values: Mapping[str, float]  # all finite: ``curve/loss``


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedTrial:
    """A trial that is finished, or that a search stopped: all that is known of it."""

    head: Head
    settings: Mapping[str, Setting]  # its configuration by dotted key
    curve: tuple[Epoch, ...]  # all epochs, those included that it shares with other trials
    final: Mapping[str, float]  # ``test/recall/forest``; empty for one that was stopped
    facts: Mapping[str, str]  # versions, hardware, data
    started: float  # seconds since 1970
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFile:
    """A file of a run's leaderboard or report."""

    path: str  # below the run, with slashes; every part is a safe name
    content: bytes


class Request(FileModel):
    """What a process that tracks a run is told."""

    run: Line
    kind: TrackerKind
    folder: Line  # where a tracker without a server keeps its files
    until_told: bool = False  # it goes on until a line comes in by stdin: the run is trained beside it
    watch: bool = False  # it goes on until the run ends
    plugins: tuple[Line, ...] = ()  # files


class Sent(FileModel):
    """How far a run was sent."""

    kind: TrackerKind
    place: Line = ""  # where to, in words
    sent: Count = 0  # trials, those included that were there before
    total: Count = 0  # trials that the study asks for; candidates of a search
    left: Annotated[tuple[Line, ...], Field(max_length=1000)] = ()  # why a trial was left out
    error: Line | None = None  # why it ended early, or what goes wrong just now
    hint: Line | None = None
    ended: bool = False  # all was sent that there was
