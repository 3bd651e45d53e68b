"""The contrasts that a study planned, tested as one family: Holm corrects them among themselves alone.

What a report finds beside them was not planned: it is a family of its own, and exploratory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from raysat.metrics.catalog import Metric
from raysat.metrics.power import LEVEL
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.looks import Looked, looked_at
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap
from raysat.reporting.analysis.significance import corrected, holm
from raysat.storage.ledger import Ledger
from raysat.storage.looks_file import read_looks
from raysat.storage.plan_file import ContrastEntry
from raysat.study.compare import known_metric


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDifference:
    """An arm minus another, in the metric that was planned."""

    arm: str
    to: str
    metric: Metric
    estimate: Estimate | None  # its p_holm is of the planned ones alone; None where the arms have no seed in common

    @property
    def shown(self) -> bool:
        """Whether it is significant at 5 % after Holm."""
        return self.estimate is not None and self.estimate.p_holm is not None and self.estimate.p_holm <= LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """All that a study planned to compare, in its order."""

    differences: tuple[PlannedDifference, ...]
    looked: Looked | None = None  # where seeds were added until these were decided

    @property
    def any_shown(self) -> bool:
        """Whether a planned difference is shown: by looks where there were any, whose error rate alone holds then."""
        if self.looked is not None:
            return any(each.decided for each in self.looked.decisions)
        return any(each.shown for each in self.differences)

    def has(self, arm: str, to: str, metric: Metric) -> bool:
        """Say whether a difference, in either direction, is one of these.

        Args:
            arm: one of two.
            to: the other.
            metric: of the difference.

        Returns:
            Whether it was planned.
        """
        return any({each.arm, each.to} == {arm, to} and each.metric == metric for each in self.differences)


def estimate_planned(bootstrap: PairedBootstrap, ledgers: Sequence[Ledger], classes: Sequence[str]) -> Planned | None:
    """Estimate and test what studies planned; None where they planned nothing.

    Args:
        bootstrap: gives the estimate of a contrast.
        ledgers: of the runs.
        classes: of their data.

    Returns:
        The family of planned contrasts, and what looks have decided.

    Raises:
        StorageError: a plan, or what was written down at looks, is damaged.
    """
    entries: dict[ContrastEntry, None] = {}
    for ledger in ledgers:
        entries |= dict.fromkeys(ledger.read_plan().compare)
    found = [(entry, metric) for entry in entries if (metric := known_metric(entry.metric, classes)) is not None]
    if not found:
        return None
    estimates: list[Estimate | None] = []
    for entry, metric in found:
        known = bootstrap.has(entry.arm, entry.to)
        contrast = Contrast.mean([entry.arm]) - Contrast.mean([entry.to])
        estimates.append(bootstrap.difference(contrast).get(metric) if known else None)
    p_holm = iter(holm([each.p for each in estimates if each is not None and each.p is not None]))
    tested = [None if e is None else e if e.p is None else replace(e, p_holm=next(p_holm)) for e in estimates]
    return Planned(
        differences=tuple(
            PlannedDifference(arm=entry.arm, to=entry.to, metric=metric, estimate=estimate)
            for (entry, metric), estimate in zip(found, tested, strict=True)
        ),
        looked=_looked(ledgers),
    )


def _looked(ledgers: Sequence[Ledger]) -> Looked | None:
    """What looks at a run alone have decided; None of several runs, whose seeds were added for other contrasts."""
    if len(ledgers) != 1 or (looks := read_looks(ledgers[0].root)) is None or not looks.looks:
        return None
    return looked_at(looks) if looks.are_of(ledgers[0].read_plan()) else None


def corrected_apart(family: Mapping[str, Estimates], to: str, planned: Planned | None) -> dict[str, Estimates]:
    """Correct comparisons for their number, metric by metric, but for planned ones, which have a family of their own.

    Args:
        family: differences of arms, by the arm's name.
        to: the arm that all of them are compared with.
        planned: what was planned.

    Returns:
        The same; a planned one is without p after Holm here.
    """
    apart = {
        (arm, metric): estimates[metric]
        for arm, estimates in family.items()
        for metric in estimates
        if planned is not None and planned.has(arm, to, metric)
    }
    left = [{m: e for m, e in estimates.items() if (arm, m) not in apart} for arm, estimates in family.items()]
    tested = dict(zip(family, corrected(left), strict=True))
    return {
        arm: {metric: tested[arm].get(metric, estimate) for metric, estimate in estimates.items()}
        for arm, estimates in family.items()
    }
