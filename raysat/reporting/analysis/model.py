"""A study's results: an arm over its seeds, and all arms as a leaderboard.

The value of an arm is the mean over its finished seeds of the trial's metric, with the sample standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import Any

from raysat.formatting import number, one_line
from raysat.metrics.catalog import ACCURACY, FROM_CONFUSION, PRECISION, RECALL, Metric
from raysat.metrics.spread import sample_sd
from raysat.reporting.analysis.reference import PublishedRow, Reference
from raysat.storage.ledger import Ledger


@dataclass(frozen=True, kw_only=True)  # without slots: what is computed from the values is kept
class MetricSummary:
    """One metric of one arm over its finished seeds; ``values`` in the order of ``Arm.seeds``."""

    values: tuple[float, ...]

    @cached_property
    def mean(self) -> float | None:
        """Mean over seeds; None without a value. Does not depend on their order, not even in the last bit."""
        return fmean(self.values) if self.values else None

    @cached_property
    def sd(self) -> float | None:
        """Sample standard deviation (n - 1); None for fewer than two values."""
        return sample_sd(self.values) if len(self.values) > 1 else None


def summarise(values: Iterable[float | None]) -> MetricSummary:
    """Leave out None: a class without patches in the split has no recall, with any seed."""
    return MetricSummary(values=tuple(value for value in values if value is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTrial:
    """A trial that failed, or whose record cannot be used."""

    seed: int
    error: str  # one line


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSource:
    """Where the record of a trial lies."""

    ledger: Ledger
    trial: str  # its id


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One row of the leaderboard. ``rank`` is None where no seed has finished."""

    name: str
    compact: str = ""  # what it is called where people read; empty where that is its name
    own_settings: tuple[str, ...] = ()  # those that not all arms have; empty in older plans
    rank: int | None = None
    short: bool = False  # lacks a seed that the ranking rests on, and so ranks below the arms that have it
    seeds: tuple[int, ...]  # finished
    failed: tuple[FailedTrial, ...]
    missing: tuple[int, ...]  # seeds neither finished nor failed
    metrics: Mapping[Metric, MetricSummary]  # of the catalogue, those of each class included
    published: PublishedRow | None = None
    position: int = 0  # in the study
    in_grid: bool = False  # a combination of the study's grid
    sources: tuple[TrialSource, ...] = field(default=(), compare=False, repr=False)  # of the finished seeds
    # Of a tuned arm: it, as it was written; which methods an arm has, that says, and not what rate it was tuned to.
    written: TrialSource | None = field(default=None, compare=False, repr=False)

    @property
    def label(self) -> str:
        """What people read: its compact name or, where a publication says what it is, its name with that."""
        return one_line(f"{self.name} {self.published.label}" if self.published else self.compact or self.name)

    @property
    def n(self) -> int:
        """Finished seeds."""
        return len(self.seeds)

    @property
    def n_planned(self) -> int:
        """Seeds that the study asks for."""
        return len(self.seeds) + len(self.failed) + len(self.missing)

    def settings(self) -> Mapping[str, Any]:
        """Its configuration, read from its first finished trial; of a tuned arm as it was written, where that finished.

        Raises StorageError where it is damaged.
        """
        source = self.written or self.sources[0]
        return source.ledger.read_spec(source.trial).settings

    def by_class(self, metric: Metric) -> tuple[MetricSummary, ...]:
        """A metric of every class, such as RECALL, in class order."""
        by_class = (known for known in self.metrics if known.name == metric.name and known.class_index is not None)
        return tuple(self.metrics[known] for known in by_class)

    def published_value(self, metric: Metric) -> float | None:
        """What was published of it; None where that is not printed, or is of other classes."""
        return None if self.published is None else self.published.value(metric)


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
    synthetic: bool = False  # measured on simulated patches
    folds_of: str | None = None  # the fingerprint of the store that this is a fold of
    reference: Reference | None
    arms: tuple[Arm, ...]
    shared_settings: tuple[str, ...] = ()  # that all arms have
    generators: tuple[str, ...] = ()  # ids of generate jobs
    images: tuple[int, int] | None = None  # to train: every trial alone, and with epochs shared; None in older plans

    @property
    def ranked(self) -> tuple[Arm, ...]:
        """Arms with a finished seed, best first."""
        return tuple(arm for arm in self.arms if arm.n)

    @property
    def n_test(self) -> int | None:
        """Patches in the reported split; None where no trial has finished."""
        return None if self.support is None else sum(self.support)

    @property
    def finished(self) -> int:
        """Trials with a record."""
        return sum(arm.n for arm in self.arms)

    @property
    def planned(self) -> int:
        """Trials that the study asks for."""
        return sum(arm.n_planned for arm in self.arms)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What a leaderboard shows, in order: metrics, then recall and precision by class; accuracy last."""
        first = (metric for metric in FROM_CONFUSION if metric != ACCURACY)
        return (*first, *self.by_class(RECALL), *self.by_class(PRECISION), ACCURACY)

    def by_class(self, metric: Metric) -> tuple[Metric, ...]:
        """A metric of each class: RECALL becomes that of the first class, of the second ..."""
        return tuple(map(metric.of_class, range(len(self.classes))))

    def label(self, metric: Metric) -> str:
        """What heads its column: its label, or the name of its class."""
        return metric.label if metric.class_index is None else self.classes[metric.class_index]

    def full_label(self, metric: Metric) -> str:
        """``ICV``, ``recall of forest``."""
        return metric.label if metric.class_index is None else f"{metric.label} of {self.label(metric)}"

    def key(self, metric: Metric) -> str:
        """Its name in files: ``icv``, ``recall_forest``."""
        return metric.name if metric.class_index is None else f"{metric.name}_{self.label(metric)}"

    def best(self, metric: Metric) -> str | None:
        """How the best mean reads, so that all that read the same are marked; None where nothing competes.

        An arm that is short of seeds does not compete.
        """
        means = [mean for arm in self.arms if not arm.short and (mean := arm.metrics[metric].mean) is not None]
        if len(means) < 2:
            return None
        return number(min(means) if metric.lower_is_better else max(means), metric.digits)
