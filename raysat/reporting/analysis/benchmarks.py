"""Published results on known data sets, shipped as JSON: which one a run is of, and how the run's data differ from it.

Each row has its source. The papers' tables that studies replicate (``reference.py``) are rows here, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from raysat.errors import UsageError, suggest
from raysat.files import parse_model
from raysat.reporting.analysis import reference
from raysat.reporting.analysis.reference import PublishedRow, Share
from raysat.storage.plan_file import PlanFile

AUTO: Final = "auto"  # the benchmark that the run's data are of
OPTION: Final = "{--compare-published}"
_FOLDER: Final = files("raysat.reporting") / "benchmarks"

Count = Annotated[int, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BenchmarkRow(_Model):
    """One published result; None where a metric is not printed."""

    label: str
    bands: str
    split: str
    accuracy: Share | None = None
    balanced_accuracy: Share | None = None
    macro_f1: Share | None = None
    source: str  # paper and table, or where else it is printed


class Benchmark(_Model):
    """A data set that results are published on."""

    name: str
    title: str
    page: str
    sensor: str
    classes: tuple[str, ...]
    patches: Count
    splits: tuple[Count, Count, Count]  # train, val, test of its common split
    split_source: str
    references: tuple[str, ...] = ()  # shipped tables whose rows are of these data
    rows: Annotated[tuple[BenchmarkRow, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkComparison:
    """A benchmark beside a run: what differs between their data."""

    benchmark: Benchmark
    classes: tuple[str, ...]  # of the run
    patches: tuple[int, int, int] | None  # of the run's train, val and test split; None in older runs

    @property
    def same_classes(self) -> bool:
        """Whether the run tells the same classes apart."""
        return set(self.classes) == set(self.benchmark.classes)

    @property
    def same_splits(self) -> bool:
        """Whether the run's splits are as large as the common ones."""
        return self.patches == self.benchmark.splits


def known() -> tuple[str, ...]:
    """Names of the shipped benchmarks, sorted."""
    names = (file.name for file in _FOLDER.iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in names if name.endswith(".json")))


def load(name: str) -> Benchmark:
    """Read a benchmark with all its rows. Raises UsageError for an unknown name, StorageError for a damaged file."""
    if name not in known():
        hint = suggest(name, known(), f"known benchmarks: {', '.join(known())}")
        raise UsageError(f"{OPTION}: unknown benchmark {name!r}", hint=hint)
    text = (_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    found = parse_model(Benchmark, text, f"{name}.json", remedy="see the shipped eurosat.json for the form")
    rows = [_row(row, table) for table in map(reference.load, found.references) for row in table.rows]
    return found.model_copy(update={"rows": (*found.rows, *rows)})


def compare_published(name: str, plans: Sequence[PlanFile]) -> BenchmarkComparison:
    """Set a benchmark beside runs of the same data.

    Args:
        name: of the benchmark, or ``auto``: the one whose classes and sensor the data have.
        plans: of the runs.

    Raises:
        UsageError: an unknown benchmark, or data that are of none.
    """
    plan = plans[0]
    found = _of(plan) if name == AUTO else load(name)
    if found is None:
        what = "simulated" if plan.data.synthetic else f"of {len(plan.classes)} classes that no known benchmark has"
        raise UsageError(
            f"{OPTION}: the run's data are {what}",
            hint=f"known benchmarks: {', '.join(known())}; name one after {OPTION} to see its numbers all the same",
        )
    return BenchmarkComparison(benchmark=found, classes=plan.classes, patches=plan.data.patches)


def _of(plan: PlanFile) -> Benchmark | None:
    """The benchmark that a run's data are of."""
    return None if plan.data.synthetic else benchmark_of(plan.classes, plan.data.sensor, plan.data.source)


def benchmark_of(classes: Sequence[str], sensor: str | None, importer: str | None) -> Benchmark | None:
    """Return the benchmark that data are of: of its importer, or with its classes and, where known, its sensor.

    Args:
        classes: names of the data's classes, in any order.
        sensor: that recorded them, where it is known.
        importer: what their store was made by, where it is known.
    """
    for benchmark in map(load, known()):
        same = set(classes) == set(benchmark.classes) and sensor in (None, benchmark.sensor)
        if same or importer == benchmark.name:
            return benchmark
    return None


def _row(row: PublishedRow, table: reference.Reference) -> BenchmarkRow:
    bands = row.methods.bands
    return BenchmarkRow(
        label=f"{row.arm} {row.label}",
        bands="not printed" if bands is None else bands if bands == "all" else "-".join(map(str, bands)),
        split="the paper's",
        accuracy=row.accuracy,
        balanced_accuracy=row.balanced_accuracy,
        macro_f1=row.macro_f1,
        source=table.source,
    )
