"""``looks.json``: what was seen at each look of a study that adds seeds until its contrasts are decided.

When to look is laid down in it before the first one, so that the same command goes on with the same looks.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from raysat.config.limits import SEEDS, TRIALS
from raysat.config.schema import digest
from raysat.files import AnyPath, FileModel, file_exists, read_model, write_atomic
from raysat.files.fields import Amount, Count, Id, Number, Share
from raysat.metrics.spending import LEAST_BLOCK, MOST_LOOKS
from raysat.storage.plan_file import ContrastEntry, PlanFile

FILE: Final = "looks.json"
_REMEDY: Final = "delete it and run the study again: its looks are taken anew, finished trials stay"
Size = Annotated[int, Field(ge=LEAST_BLOCK, le=SEEDS)]


class Seen(FileModel):
    """A contrast at a look."""

    value: Number  # the mean of the paired differences
    error: Amount  # its standard error, by seeds and patches
    degrees: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None  # of Student's t; None without a spread
    p: Share  # two-sided, of this look alone
    pairs: Count  # of seeds


class Look(FileModel):
    """All contrasts, when so many seeds of every arm were finished."""

    seeds: Size
    trials: Id  # a digest of the trials' ids
    seen: Annotated[tuple[Seen, ...], Field(min_length=1, max_length=TRIALS)]  # in the order of the contrasts


class Looks(FileModel):
    """When a study is looked at, for what, and what was seen so far."""

    format: Literal[1] = 1
    contrasts: Annotated[tuple[ContrastEntry, ...], Field(min_length=1, max_length=TRIALS)]
    sizes: Annotated[tuple[Size, ...], Field(min_length=1, max_length=MOST_LOOKS)]  # seeds at each look
    looks: Annotated[tuple[Look, ...], Field(max_length=MOST_LOOKS)] = ()

    @model_validator(mode="after")
    def _is_a_schedule(self) -> Self:
        if any(more - few < LEAST_BLOCK for few, more in zip(self.sizes, self.sizes[1:], strict=False)):
            raise ValueError("seeds at looks do not grow")
        if tuple(look.seeds for look in self.looks) != self.sizes[: len(self.looks)]:
            raise ValueError("looks are not those that were laid down")
        if any(len(look.seen) != len(self.contrasts) for look in self.looks):
            raise ValueError("a look has not every contrast")
        return self

    def are_of(self, plan: PlanFile) -> bool:
        """Whether the looks so far are of a plan's contrasts and trials."""
        if self.contrasts != plan.compare:
            return False
        return all(look.trials == trials_digest(plan, look.seeds) for look in self.looks)


def trials_digest(plan: PlanFile, seeds: int) -> str | None:
    """Return a digest of the trials of the first so many seeds; None where an arm has fewer.

    Args:
        plan: of the run.
        seeds: how many.
    """
    if any(len(arm.trials) < seeds for arm in plan.arms):
        return None
    return digest({arm.name: [trial.id for trial in arm.trials[:seeds]] for arm in plan.arms})


def read_looks(run: AnyPath) -> Looks | None:
    """Read the looks of a run; None where it was never looked at so. Raises StorageError for a damaged file."""
    return read_model(Looks, run / FILE, remedy=_REMEDY) if file_exists(run / FILE) else None


def write_looks(run: AnyPath, looks: Looks) -> None:
    """Write the looks of a run, whole or not at all. Raises StorageError."""
    write_atomic(run / FILE, looks.model_dump_json(indent=1))
