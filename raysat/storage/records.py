"""What is kept of a trial: what it is the result of, what it reached, or why it failed."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from raysat.config.schema import Config
from raysat.data.model_inputs import ModelInputs
from raysat.data.store import SPLITS
from raysat.data.weights.used import WeightsUsed
from raysat.files import FileModel
from raysat.files.fields import MAX_CLASSES, Amount, Count, Id, Line, Seed, Text, Time
from raysat.formatting import visible
from raysat.metrics.confusion import Metrics
from raysat.metrics.fitted_readout import FittedReadout


class Hardware(FileModel):
    """What a job ran on; None where that is not on record."""

    device: Line | None = None  # a GPU's name, or cpu
    machine: Line | None = None  # such as x86_64
    threads: Count | None = None
    workers: Count = 1
    gpus: Amount | None = None  # of a GPU, that each worker had to itself; None where an older raysat wrote it
    node: Line | None = None  # of Ray


class DataRef(FileModel):
    """The store that a job read."""

    fingerprint: Line | None = None
    path: Line | None = None
    generated: tuple[Line, ...] = ()  # fingerprints of the generated stores that it trained on too


class Energy(FileModel):
    """What training took of electric energy, as far as it was measured.

    It is of the epochs that were trained for this record, and not of those that another record has: over the records of
    a study energies add up, each epoch counted once.
    """

    kwh: Amount
    epochs: Count  # that it is of: those that an earlier worker trained, which did not live to tell, are left out
    by: Line  # what measured it, and how


class TrialSpec(FileModel):
    """``spec.json``: what a trial is the result of."""

    format: Literal[1] = 1
    # A configuration that another raysat wrote, and this one does not know, is shown as it is.
    config: Config | dict[str, JsonValue] = Field(union_mode="left_to_right")
    seed: Seed | None = None
    data: Line | None = None  # fingerprint of the store

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration as nested JSON: section, key, value; what a terminal would obey is written out."""
        config = self.config.model_dump(mode="json") if isinstance(self.config, Config) else self.config
        return {visible(name): _visible(value) for name, value in config.items()}


class Record(FileModel):
    """``record.json``: what is known of a finished trial."""

    format: Literal[1] = 1
    id: Id
    reported: Id  # the split that the leaderboard shows
    metrics: Annotated[dict[Id, Metrics], Field(max_length=len(SPLITS))]  # by split
    classes: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MAX_CLASSES)]
    epochs: Count
    images: Count  # images trained on, augmented views and second passes included
    seconds: Amount  # of its epochs, those included that it shares with other trials
    started: Time  # its worker began, from a checkpoint or not
    ended: Time
    parameters: Count
    versions: dict[Line, Line]  # by package
    hardware: Hardware
    data: DataRef
    inputs: ModelInputs | None = None  # what the model takes; None where an older raysat wrote the record
    energy: Annotated[Energy | None, Field(exclude_if=lambda energy: energy is None)] = None  # None: not measured
    # What the network's scores are read with; None: as they are.
    readout: Annotated[FittedReadout | None, Field(exclude_if=lambda readout: readout is None)] = None
    weights: Annotated[WeightsUsed | None, Field(exclude_if=lambda used: used is None)] = None  # that it started from

    @model_validator(mode="after")
    def _has_reported(self) -> Self:
        if self.reported not in self.metrics:
            raise ValueError(f"no metrics of the reported split {self.reported!r}")
        for split, metrics in self.metrics.items():
            if (classes := len(metrics.confusion)) != len(self.classes):
                raise ValueError(f"its {split} metrics are of {classes} classes, not {len(self.classes)}")
        if self.readout is not None and self.readout.classes not in (None, len(self.classes)):
            raise ValueError(f"its readout is of {self.readout.classes} classes, not {len(self.classes)}")
        return self


class Failure(FileModel):
    """``failures/<id>.json``: why a job failed."""

    format: Literal[1] = 1
    id: Id
    error: Text
    hint: Text | None = None
    traceback: Text | None = None
    time: Time


def _visible(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return visible(value)
        case list():
            return [_visible(item) for item in value]
        case dict():
            return {visible(key): _visible(item) for key, item in value.items()}
        case _:
            return value
