"""What is kept of a trial: what it is the result of, what it reached, or why it failed."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from raysat.config.schema import Config
from raysat.files import FileModel
from raysat.metrics.confusion import Metrics


class Hardware(FileModel):
    """What a job ran on; None where that is not on record."""

    device: str | None = None  # a GPU's name, or cpu
    machine: str | None = None  # such as x86_64
    threads: int | None = None
    workers: int = 1
    node: str | None = None  # of Ray


class DataRef(FileModel):
    """The store that a job read."""

    fingerprint: str | None = None
    path: str | None = None
    generated: tuple[str, ...] = ()  # fingerprints of the generated stores that it trained on too


class TrialSpec(FileModel):
    """``spec.json``: what a trial is the result of."""

    format: Literal[1] = 1
    # A configuration that another raysat wrote, and this one does not know, is shown as it is.
    config: Config | dict[str, JsonValue] = Field(union_mode="left_to_right")
    seed: int | None = None
    data: str | None = None  # fingerprint of the store

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration as nested JSON: section, key, value."""
        return self.config.model_dump(mode="json") if isinstance(self.config, Config) else self.config


class Record(FileModel):
    """``record.json``: what is known of a finished trial."""

    format: Literal[1] = 1
    id: str
    reported: str  # the split that the leaderboard shows
    metrics: dict[str, Metrics]  # by split
    classes: tuple[str, ...]
    epochs: int
    images: int  # images trained on, forward passes of augmented views included
    seconds: float  # of its epochs, those included that it shares with other trials
    started: float  # its worker began, from a checkpoint or not; seconds since 1970, UTC
    ended: float
    parameters: int
    versions: dict[str, str]  # by package
    hardware: Hardware
    data: DataRef

    @model_validator(mode="after")
    def _has_reported(self) -> Self:
        if self.reported not in self.metrics:
            raise ValueError(f"no metrics of the reported split {self.reported!r}")
        return self


class Failure(FileModel):
    """``failures/<id>.json``: why a job failed."""

    format: Literal[1] = 1
    id: str
    error: str
    hint: str | None = None
    traceback: str | None = None
    time: float  # seconds since 1970, UTC
