"""Arms as they were tuned beside the same arms as they were written: both rankings, and what tuning changed.

Both were trained over the same seeds, none of them the one that tuned, and are measured on the same test patches: the
change of an arm is paired like any other difference, and Holm corrects the changes among themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from raysat.metrics.catalog import Metric
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap
from raysat.reporting.analysis.predictions import read_predictions
from raysat.reporting.analysis.ranking import rank
from raysat.reporting.analysis.significance import corrected
from raysat.storage.ledger import Ledger
from raysat.storage.plan_file import TunedEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedAndWritten:
    """One arm, tuned and as written."""

    arm: str
    entry: TunedEntry
    rank: int | None  # as tuned; None where no seed has finished
    written_rank: int | None
    mean: Estimates
    written_mean: Estimates
    change: Estimates  # as tuned minus as written; empty where they have no seed in common


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedComparison:
    """All arms of a study that tuned them, best as tuned first."""

    arms: tuple[TunedAndWritten, ...]

    def gap(self, metric: Metric, *, written: bool) -> float | None:
        """How far the best arm's mean is ahead of the worst's, by a metric; None with fewer than two arms.

        Args:
            metric: one that is resampled.
            written: of the arms as written, else as tuned.
        """
        means = [each.written_mean if written else each.mean for each in self.arms]
        values = [of[metric].value for of in means if metric in of]
        return max(values) - min(values) if len(values) > 1 else None


def compare_tuned(ledgers: Sequence[Ledger], board: Leaderboard, metric: Metric) -> TunedComparison | None:
    """Compare arms as tuned with the same as written; None of studies that did not tune them, and of several runs.

    Args:
        ledgers: of the runs.
        board: of the run.
        metric: of those that follow from predictions alone, the one that ranks first.

    Returns:
        Every arm, twice.

    Raises:
        StorageError: records are damaged.
    """
    if len(ledgers) != 1 or not (entries := ledgers[0].read_plan().tuned):
        return None
    names = {arm.name for arm in board.arms}
    written = [_renamed(arm, names) for arm in collect(ledgers[0], as_written=True).arms]
    own = {arm: new.name for arm, new in written}
    both = replace(board, arms=(*board.arms, *(new for _, new in written)))
    bootstrap = PairedBootstrap(read_predictions(both))
    ranks = _ranks(board.arms, metric) | _ranks([new for _, new in written], metric)
    changes = [_change(bootstrap, arm.name, own[arm.name]) for arm in board.arms]
    tested = dict(zip((arm.name for arm in board.arms), corrected(changes), strict=True))
    by_arm = {each.arm: each for each in entries}
    return TunedComparison(
        arms=tuple(
            TunedAndWritten(
                arm=arm.name,
                entry=by_arm[arm.name],
                rank=ranks[arm.name],
                written_rank=ranks[own[arm.name]],
                mean=_mean(bootstrap, arm.name),
                written_mean=_mean(bootstrap, own[arm.name]),
                change=tested[arm.name],
            )
            for arm in board.arms
        )
    )


def _renamed(arm: Arm, names: set[str]) -> tuple[str, Arm]:
    """An arm as it was written, under a name that no arm has."""
    name = f"{arm.name} (as written)"
    while name in names:
        name += "'"
    return arm.name, replace(arm, name=name)


def _ranks(arms: Sequence[Arm], metric: Metric) -> dict[str, int | None]:
    """The ranks of arms among themselves."""
    return {arm.name: arm.rank for arm in rank(arms, by=metric)}


def _mean(bootstrap: PairedBootstrap, arm: str) -> dict[Metric, Estimate]:
    return bootstrap.mean(Contrast.mean([arm])) if bootstrap.has(arm) else {}


def _change(bootstrap: PairedBootstrap, arm: str, written: str) -> dict[Metric, Estimate]:
    if not bootstrap.has(arm, written):
        return {}
    return bootstrap.difference(Contrast.mean([arm]) - Contrast.mean([written]))
