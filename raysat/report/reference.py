"""A paper's published rows, shown beside ours: shipped as JSON, checked when read, never filled in by guess.

A number that is not available is null. What a row does give must agree with itself: balanced accuracy is the mean of
its recalls, macro F1 the mean over classes of the harmonic mean of precision and recall, both to the printed digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from statistics import fmean
from typing import Annotated, Final, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raysat.errors import LedgerError, UsageError, did_you_mean

TOLERANCE: Final = 5e-4  # four printed digits, rounded in every term
_FOLDER: Final = files("raysat.report") / "published"

Share = Annotated[float, Field(ge=0, le=1)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PublishedRow(_Model):
    """What a paper says of one arm; None where that is not available. Per-class values in class order."""

    arm: str
    label: str
    accuracy: Share | None = None
    balanced_accuracy: Share | None = None
    icv: Annotated[float, Field(ge=0)] | None = None
    icv_root: Annotated[float, Field(ge=0)] | None = None
    macro_f1: Share | None = None
    recall: tuple[Share | None, ...] = ()
    precision: tuple[Share | None, ...] = ()

    @property
    def has_numbers(self) -> bool:
        """Whether any number of the row is available."""
        single = (self.accuracy, self.balanced_accuracy, self.icv, self.icv_root, self.macro_f1)
        return any(value is not None for value in (*single, *self.recall, *self.precision))


class Reference(_Model):
    """The published rows of one table."""

    name: str
    source: str  # citation
    data: str  # what they were measured on
    note: str  # what is not included, and why
    rows: tuple[PublishedRow, ...]

    @property
    def has_numbers(self) -> bool:
        """Whether any number of the table is available."""
        return any(row.has_numbers for row in self.rows)

    def row(self, arm: str) -> PublishedRow | None:
        """Return the row of an arm, by its name, or None."""
        return next((row for row in self.rows if row.arm == arm), None)


def known() -> tuple[str, ...]:
    """Names of the shipped references, sorted."""
    names = (file.name for file in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def load(name: str) -> Reference:
    """Read shipped rows. Raises UsageError for an unknown name, LedgerError for a damaged or inconsistent file."""
    if name not in known():
        raise UsageError(
            f"unknown reference {name!r}",
            hint=did_you_mean(name, known()) or f"known references: {', '.join(known())}; or leave the key out",
        )
    return parse((_FOLDER / f"{name}.json").read_text(encoding="utf-8"), file=f"{name}.json")


def parse(text: str, *, file: str) -> Reference:
    """Read and check the text of a reference. Raises LedgerError naming file and row."""
    try:
        reference = Reference.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise LedgerError(
            f"{file}: {where}: {first['msg']}", hint="see the shipped table2.json for the form"
        ) from error
    names = [row.arm for row in reference.rows]
    for row in reference.rows:
        if names.count(row.arm) > 1:
            raise LedgerError(f"{file}: row {row.arm!r} stands twice", hint="keep one row an arm")
        _check(row, file)
    return reference


def _check(row: PublishedRow, file: str) -> None:
    where, hint = f"{file}: row {row.arm!r}", "compare the row with the publication; null what cannot be confirmed"
    if row.recall and row.precision and len(row.recall) != len(row.precision):
        raise LedgerError(f"{where}: {len(row.recall)} recalls, {len(row.precision)} precisions", hint=hint)
    derived: dict[str, tuple[float | None, float]] = {}
    if _complete(row.recall):
        derived["balanced_accuracy"] = row.balanced_accuracy, fmean(row.recall)
        if _complete(row.precision):
            pairs = zip(row.precision, row.recall, strict=True)
            derived["macro_f1"] = row.macro_f1, fmean(2 * p * r / (p + r) if p + r else 0.0 for p, r in pairs)
    for metric, (printed, computed) in derived.items():
        if printed is not None and abs(printed - computed) > TOLERANCE + 1e-12:
            raise LedgerError(
                f"{where}: {metric} is given as {printed:.4f}, its per-class values give {computed:.4f}", hint=hint
            )


def _complete(values: Sequence[float | None]) -> TypeGuard[Sequence[float]]:
    return bool(values) and None not in values
