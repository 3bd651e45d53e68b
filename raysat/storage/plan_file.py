"""``plan.json``: the arms of a study, their trials and what they cost; all that a report needs to know of a study.

Made by ``planning/build.py``, written and read by the ledger.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from raysat.files import FileModel


class TrialEntry(FileModel):
    """One seed of an arm, and the trial that is its result."""

    seed: int
    id: str


class ArmEntry(FileModel):
    """An arm and its trials; arms may share some."""

    name: str
    compact: str = ""  # what reports call it; empty where that is its name
    settings: tuple[str, ...] = ()  # those that not all arms have
    grid: bool = False  # a combination of the study's grid
    trials: tuple[TrialEntry, ...]


class StoreEntry(FileModel):
    """The store that the study ran on."""

    name: str  # that it was asked for by
    fingerprint: str | None = None
    ordinal: bool = False  # the order of the classes has a meaning
    synthetic: bool = False  # simulated patches, not imagery


class GeneratorEntry(FileModel):
    """A generate job whose patches some arm trains on."""

    id: str


class ImageCounts(FileModel):
    """Images to train on."""

    alone: int  # with every trial trained alone
    shared: int  # with equal epochs trained once


class PlanFile(FileModel):
    """A plan as it is kept; None and empty where an older raysat did not write it."""

    format: Literal[1] = 1
    study: str
    reference: str | None = None
    command: str | None = None  # that trains it
    data: StoreEntry
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    generate: tuple[GeneratorEntry, ...] = ()
    reported: str  # the split that results are reported on
    images: ImageCounts | None = None
    settings: tuple[str, ...] = ()  # that all arms have
    arms: tuple[ArmEntry, ...]

    @property
    def trial_ids(self) -> tuple[str, ...]:
        """Every trial once, in the order of the arms."""
        return tuple(dict.fromkeys(trial.id for arm in self.arms for trial in arm.trials))
