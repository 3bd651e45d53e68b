"""A paper's published rows and findings, shipped as JSON and checked when read.

Each row says how its arm was trained, as far as the table prints it, and what it reached. What it gives must agree
with itself: balanced accuracy is the mean of its recalls, macro F1 the mean over classes of the harmonic mean of
precision and recall, both to the printed digits. Each finding is a list of comparisons between rows that together
would confirm it.
"""

from __future__ import annotations

from importlib.resources import files
from statistics import fmean
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from raysat.errors import StorageError, UsageError, suggest
from raysat.files import parse_model
from raysat.metrics.catalog import Metric

TOLERANCE: Final = 5e-4  # four printed digits, rounded in every term
_FOLDER: Final = files("raysat.reporting") / "published"

Share = Annotated[float, Field(ge=0, le=1)]
Expected = Literal["higher", "lower", "similar"]
# Beside metrics of the leaderboard: what majority and minority classes reach, the majority being the largest class.
PublishedMeasure = Literal["balanced_accuracy", "macro_f1", "icv_root", "accuracy", "rare_recall", "majority_gap"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Methods(_Model):
    """How a published arm was trained; None where the table does not print it."""

    model: str  # of timm
    bands: Literal["all"] | tuple[int, ...] | None  # of Landsat 8
    loss: str
    drw: bool
    clr: bool  # triangular cyclic learning rate
    swa: bool
    sampler: str | None = None
    augmix: bool | None = None
    gan: bool | None = None
    lr: float | None = None


class PublishedRow(_Model):
    """What a paper says of one arm; None where that is not printed. Per-class values in class order."""

    arm: str
    label: str
    methods: Methods
    accuracy: Share
    balanced_accuracy: Share
    icv: Annotated[float, Field(ge=0)] | None = None
    icv_root: Annotated[float, Field(ge=0)] | None = None
    macro_f1: Share | None = None
    recall: tuple[Share, ...] = ()
    precision: tuple[Share, ...] = ()

    def value(self, metric: Metric) -> float | None:
        """Return a metric of the leaderboard; None where the row does not have it."""
        return metric.of(self) if metric.name in PublishedRow.model_fields else None

    def measure(self, name: PublishedMeasure, majority: int) -> float | None:
        """Return a measure by name, given the label of the largest class; None where the row does not have it."""
        if name not in ("rare_recall", "majority_gap"):
            value: float | None = getattr(self, name)
            return value
        if not self.recall:
            return None
        rare = fmean(recall for label, recall in enumerate(self.recall) if label != majority)
        return rare if name == "rare_recall" else self.recall[majority] - rare


class Comparison(_Model):
    """One difference between two arms that a finding rests on, and which way it goes in the paper."""

    of: str
    minus: str
    measure: PublishedMeasure
    expected: Expected


class PublishedFinding(_Model):
    """What a paper concludes from its table: it holds where every comparison does."""

    key: str
    text: str
    comparisons: Annotated[tuple[Comparison, ...], Field(min_length=1)]


class Reference(_Model):
    """The published rows of one table, and what its paper concludes from them."""

    name: str
    source: str  # citation
    data: str  # what they were measured on
    classes: tuple[str, ...]  # in the order of per-class numbers; names as the importer of the data gives them
    note: str  # where the rows differ from print
    rows: tuple[PublishedRow, ...]
    findings: tuple[PublishedFinding, ...] = ()

    def row(self, arm: str) -> PublishedRow | None:
        """Return the row of an arm, by its name, or None."""
        return next((row for row in self.rows if row.arm == arm), None)


def known() -> tuple[str, ...]:
    """Names of the shipped references, sorted."""
    names = (file.name for file in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def load(name: str) -> Reference:
    """Read shipped rows. Raises UsageError for an unknown name, StorageError for a damaged or inconsistent file."""
    if name not in known():
        raise UsageError(
            f"unknown reference {name!r}",
            hint=suggest(name, known(), f"known references: {', '.join(known())}; or leave the key out"),
        )
    return parse((_FOLDER / f"{name}.json").read_text(encoding="utf-8"), file=f"{name}.json")


def parse(text: str, *, file: str) -> Reference:
    """Read and check the text of a reference, and add the ICV that follows from a row's numbers.

    Raises StorageError naming file and row.
    """
    reference = parse_model(Reference, text, file, remedy="see the shipped table2.json for the form")
    names = [row.arm for row in reference.rows]
    for row in reference.rows:
        if names.count(row.arm) > 1:
            raise StorageError(f"{file}: row {row.arm!r} appears twice", hint="keep one row an arm")
        _check(row, file)
    for finding in reference.findings:
        for arm in (arm for comparison in finding.comparisons for arm in (comparison.of, comparison.minus)):
            if arm not in names:
                what = f"{file}: finding {finding.key!r} compares {arm!r}, which is no row"
                raise StorageError(what, hint="name a row")
    return reference.model_copy(update={"rows": tuple(map(_with_icv, reference.rows))})


def _with_icv(row: PublishedRow) -> PublishedRow:
    """Add ICV and its root where neither is printed and both follow from accuracy and recalls."""
    if not row.recall or row.icv is not None or row.icv_root is not None:
        return row
    icv = sum((row.accuracy - recall) ** 2 for recall in row.recall)
    return row.model_copy(update={"icv": icv, "icv_root": icv**0.5})


def _check(row: PublishedRow, file: str) -> None:
    where, hint = f"{file}: row {row.arm!r}", "compare the row with the publication; leave out what it does not print"
    if row.recall and row.precision and len(row.recall) != len(row.precision):
        raise StorageError(f"{where}: {len(row.recall)} recalls, {len(row.precision)} precisions", hint=hint)
    derived: list[tuple[str, float | None, float]] = []
    if row.recall:
        derived.append(("balanced_accuracy", row.balanced_accuracy, fmean(row.recall)))
        if row.precision:
            pairs = zip(row.precision, row.recall, strict=True)
            f1 = fmean(2 * p * r / (p + r) if p + r else 0.0 for p, r in pairs)
            derived.append(("macro_f1", row.macro_f1, f1))
    for metric, printed, computed in derived:
        if printed is not None and abs(printed - computed) > TOLERANCE + 1e-12:
            raise StorageError(
                f"{where}: {metric} is given as {printed:.4f}, its per-class values give {computed:.4f}", hint=hint
            )
