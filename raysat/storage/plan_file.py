"""``plan.json``: the arms of a study, their trials and what they cost; all that a report needs to know of a study.

Made by ``planning/build.py``, written and read by the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from raysat.config.limits import SEEDS, TRIALS
from raysat.files import FileModel
from raysat.files.fields import MAX_CLASSES, Count, Id, Line, Seed, Share
from raysat.formatting import echo


class TrialEntry(FileModel):
    """One seed of an arm, and the trial that is its result."""

    seed: Seed
    id: Id


class SharedEntry(FileModel):
    """Epochs that an arm has in common with one before it: they are trained once."""

    arm: Annotated[int, Field(ge=0, lt=TRIALS)]  # its place among the arms
    epochs: Count  # from the start of training


class ArmEntry(FileModel):
    """An arm and its trials; arms may share some."""

    name: Line
    compact: Line = ""  # what reports call it; empty where that is its name
    settings: tuple[Line, ...] = ()  # those that not all arms have
    grid: bool = False  # a combination of the study's grid
    epochs: Annotated[Count | None, Field(exclude_if=lambda epochs: epochs is None)] = None  # of each of its trials
    shared: Annotated[SharedEntry | None, Field(exclude_if=lambda shared: shared is None)] = None  # the most of any
    trials: Annotated[tuple[TrialEntry, ...], Field(max_length=SEEDS)]

    @model_validator(mode="after")
    def _has_each_seed_once(self) -> Self:
        _check_distinct("seed", (trial.seed for trial in self.trials))
        return self


class StoreEntry(FileModel):
    """The store that the study ran on."""

    name: Line  # that it was asked for by
    fingerprint: Line | None = None
    ordinal: bool = False  # the order of the classes has a meaning
    synthetic: bool = False  # simulated patches, not imagery
    source: Line | None = None  # where its patches come from: the importer, or what was converted
    sensor: Line | None = None
    patches: tuple[Count, Count, Count] | None = None  # in train, val and test
    # Of a fold, the fingerprint of the store that was split; plans on others are as before there were any.
    folds_of: Annotated[Line | None, Field(exclude_if=lambda folded: folded is None)] = None


class ContrastEntry(FileModel):
    """An arm minus another one, in one metric: planned before anything was trained."""

    arm: Line
    to: Line
    metric: Line  # in files; of a class ``recall_forest``


class TunedEntry(FileModel):
    """What tuning chose for an arm, and the trials of the same arm as it was written, over the same seeds."""

    arm: Line
    tried: Count  # trials that tuned it, the one as written included
    failed: Count  # of them
    stopped: Annotated[Count, Field(exclude_if=lambda number: not number)] = 0  # of them, before the last round
    chosen: Count  # the number of the best; 0: as written
    settings: tuple[Line, ...]  # that it sets
    val: Share  # its balanced accuracy on val, with the one seed that tuned
    written_val: Share | None  # of the one as written; None where that failed
    trials: Annotated[tuple[TrialEntry, ...], Field(max_length=SEEDS)]


class GeneratorEntry(FileModel):
    """A generate job whose patches some arm trains on."""

    id: Id


class ImageCounts(FileModel):
    """Images to train on."""

    alone: Count  # with every trial trained alone
    shared: Count  # with equal epochs trained once


class PlanFile(FileModel):
    """A plan as it is kept; None and empty where an older raysat did not write it."""

    format: Literal[1] = 1
    study: Line
    reference: Line | None = None
    command: Line | None = None  # that trains it
    data: StoreEntry
    classes: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MAX_CLASSES)]
    generate: tuple[GeneratorEntry, ...] = ()
    reported: Id  # the split that results are reported on
    images: ImageCounts | None = None
    settings: tuple[Line, ...] = ()  # that all arms have
    arms: Annotated[tuple[ArmEntry, ...], Field(max_length=TRIALS)]
    compare: Annotated[tuple[ContrastEntry, ...], Field(max_length=TRIALS, exclude_if=lambda planned: not planned)] = ()
    tuned: Annotated[tuple[TunedEntry, ...], Field(max_length=TRIALS, exclude_if=lambda tuned: not tuned)] = ()
    # The SHA-256 of ``places.npz``; None where no place and no group of the reported patches is known.
    places: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$", exclude_if=lambda digest: digest is None)] = None

    @model_validator(mode="after")
    def _has_each_arm_once(self) -> Self:
        _check_distinct("arm", (arm.name for arm in self.arms))
        for place, arm in enumerate(self.arms):
            if arm.shared is not None and arm.shared.arm >= place:
                raise ValueError(f"arm {echo(arm.name)} shares epochs with one that does not come before it")
        if self.tuned and [each.arm for each in self.tuned] != [arm.name for arm in self.arms]:
            raise ValueError("what was tuned are not its arms")
        return self

    @property
    def trial_ids(self) -> tuple[str, ...]:
        """Every trial once, in the order of the arms; then those of arms as they were before they were tuned."""
        seeds = (*(arm.trials for arm in self.arms), *(each.trials for each in self.tuned))
        return tuple(dict.fromkeys(trial.id for of_arm in seeds for trial in of_arm))

    def as_written(self) -> PlanFile:
        """The same study with its arms as they were written, in place of those that tuning chose."""
        trials = {each.arm: each.trials for each in self.tuned}
        arms = tuple(arm.model_copy(update={"trials": trials.get(arm.name, arm.trials)}) for arm in self.arms)
        return self.model_copy(update={"arms": arms, "tuned": ()})


def _check_distinct(what: str, values: Iterable[object]) -> None:
    for value, number in Counter(values).items():
        if number > 1:
            raise ValueError(f"{what} {echo(value)} comes {number} times")
