"""What the ledger says of a study: one row per arm over its seeds, ranked; a failed or missing cell is kept.

A value of an arm is the mean over its finished seeds of the trial's metric, with the sample standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev
from typing import Final

from raysat.errors import LedgerError
from raysat.metrics.confusion import Metrics
from raysat.report.analysis import reference
from raysat.report.analysis.ranking import rank
from raysat.report.analysis.reference import PublishedRow, Reference
from raysat.storage.ledger import Ledger
from raysat.storage.plan_file import ArmEntry, PlanFile

METRICS: Final = ("balanced_accuracy", "icv", "icv_root", "macro_f1", "accuracy")
_LONGEST_ERROR: Final = 300  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One metric of one arm over its finished seeds; ``values`` in the order of ``Arm.seeds``."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        """Mean over seeds; None without a value. Does not depend on their order, not even in the last bit."""
        return fmean(self.values) if self.values else None

    @property
    def sd(self) -> float | None:
        """Sample standard deviation (n - 1); None for fewer than two values."""
        return stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A cell that failed, or whose record cannot be used."""

    seed: int
    error: str  # one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the record of a cell lies."""

    ledger: Ledger
    trial: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One row of the leaderboard. ``rank`` is None where no seed has finished."""

    name: str
    rank: int | None = None
    short: bool = False  # lacks a seed that the ranking rests on, and so ranks below the arms that have it
    seeds: tuple[int, ...]  # finished
    failed: tuple[Failed, ...]
    missing: tuple[int, ...]  # seeds neither finished nor failed
    metrics: Mapping[str, Summary]  # by the names in METRICS
    recall: tuple[Summary, ...]  # per class
    precision: tuple[Summary, ...]
    published: PublishedRow | None = None
    position: int = 0  # in the study
    in_grid: bool = False  # a combination of the study's grid
    sources: tuple[Source, ...] = field(default=(), compare=False, repr=False)  # of the finished seeds

    @property
    def label(self) -> str:
        """Its name, and what it is where a publication says so."""
        return one_line(self.name if self.published is None else f"{self.name} {self.published.label}")

    @property
    def n(self) -> int:
        """Finished seeds."""
        return len(self.seeds)

    @property
    def n_planned(self) -> int:
        """Seeds that the study asks for."""
        return len(self.seeds) + len(self.failed) + len(self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaderboard:
    """A study's arms, best first, and what they were measured on."""

    study: str
    data: str
    fingerprint: str | None
    classes: tuple[str, ...]  # on one line each, no two alike
    reported: str  # split
    support: tuple[int, ...] | None  # patches per class in that split; None where no trial has finished
    ordinal: bool = False  # the order of the classes has a meaning
    reference: Reference | None
    arms: tuple[Arm, ...]
    generators: tuple[str, ...] = ()  # ids of generate jobs
    images: tuple[int, int] | None = None  # to train: every trial alone, and with epochs shared; None in older plans
    command: str | None = None  # that trains it; None in older plans

    @property
    def in_order(self) -> tuple[Arm, ...]:
        """The arms in the study's order."""
        return tuple(sorted(self.arms, key=lambda arm: arm.position))

    @property
    def n_test(self) -> int | None:
        """Patches in the reported split; None where no trial has finished."""
        return None if self.support is None else sum(self.support)

    @property
    def finished(self) -> int:
        """Cells (arm and seed) with a record."""
        return sum(arm.n for arm in self.arms)

    @property
    def planned(self) -> int:
        """Cells that the study asks for."""
        return sum(arm.n_planned for arm in self.arms)


def collect(ledger: Ledger) -> Leaderboard:
    """Read a run and rank its arms.

    Raises:
        LedgerError: the plan is damaged. A damaged record is no reason to lose the others: it counts as failed.
        UsageError: the study names published rows that do not exist.
    """
    plan = ledger.read_plan()
    published = None if plan.reference is None else reference.load(plan.reference)
    outcomes = {trial_id: _outcome(ledger, plan, trial_id) for trial_id in plan.trial_ids}
    some = next((outcome for outcome in outcomes.values() if isinstance(outcome, Metrics)), None)
    arms = [
        replace(_arm(arm, outcomes, len(plan.classes), _row(published, arm.name, plan), ledger), position=position)
        for position, arm in enumerate(plan.arms)
    ]
    return Leaderboard(
        study=plan.study,
        data=plan.data.name,
        fingerprint=plan.data.fingerprint,
        classes=_class_names(plan.classes),
        reported=plan.reported,
        support=None if some is None else tuple(sum(row) for row in some.confusion),
        ordinal=plan.data.ordinal,
        reference=published,
        arms=rank(arms),
        generators=tuple(job.id for job in plan.generate),
        images=None if plan.images is None else (plan.images.alone, plan.images.shared),
        command=plan.command,
    )


def _row(published: Reference | None, arm: str, plan: PlanFile) -> PublishedRow | None:
    """The published row of an arm; numbers by class only where the classes are those of the publication."""
    row = None if published is None else published.row(arm)
    if row is None or published is None or published.classes == plan.classes:
        return row
    return row.model_copy(update={"recall": (), "precision": ()})


def _class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Class names on one line each, no two alike: they name columns and keys of files."""
    unique: list[str] = []
    for name in map(one_line, names):
        own = name
        while own in unique:
            own += "'"
        unique.append(own)
    return tuple(unique)


def one_line(text: str) -> str:
    """Flatten a text to one printable line of bounded length."""
    line = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST_ERROR else line[: _LONGEST_ERROR - 1].rstrip() + "…"


def _outcome(ledger: Ledger, plan: PlanFile, trial_id: str) -> Metrics | str | None:
    """Metrics of a finished trial, why it has none, or None where it has not run."""
    try:
        if not ledger.has_record(trial_id):
            failure = ledger.read_failure(trial_id)
            return None if failure is None else failure.error
        record = ledger.read(trial_id)
    except LedgerError as error:
        return error.message
    if record.classes != plan.classes or len(record.classes) != len(record.metrics[record.reported].recall):
        return f"its record is of other classes: {', '.join(record.classes)}"
    if record.reported != plan.reported:
        return f"its record reports the {record.reported} split, not {plan.reported}"
    if plan.data.fingerprint not in (None, record.data.fingerprint or plan.data.fingerprint):
        return "its record is of other data"
    return record.metrics[plan.reported]


def _arm(
    planned: ArmEntry,
    outcomes: Mapping[str, Metrics | str | None],
    classes: int,
    published: PublishedRow | None,
    ledger: Ledger,
) -> Arm:
    cells = [(cell, outcomes[cell.id]) for cell in planned.trials]
    found = [(cell, outcome) for cell, outcome in cells if isinstance(outcome, Metrics)]
    failed = [(cell.seed, outcome) for cell, outcome in cells if isinstance(outcome, str)]
    return Arm(
        name=planned.name,
        seeds=tuple(cell.seed for cell, _ in found),
        failed=tuple(Failed(seed=seed, error=one_line(error) or "no reason recorded") for seed, error in failed),
        missing=tuple(cell.seed for cell, outcome in cells if outcome is None),
        metrics={name: summarise(getattr(metrics, name) for _, metrics in found) for name in METRICS},
        recall=tuple(summarise(metrics.recall[k] for _, metrics in found) for k in range(classes)),
        precision=tuple(summarise(metrics.precision[k] for _, metrics in found) for k in range(classes)),
        published=published,
        in_grid=planned.grid,
        sources=tuple(Source(ledger=ledger, trial=cell.id) for cell, _ in found),
    )


def summarise(values: Iterable[float | None]) -> Summary:
    """Leave out None: a class without patches in the split has no recall, with any seed."""
    return Summary(values=tuple(value for value in values if value is not None))
