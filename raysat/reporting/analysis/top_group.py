"""Which arms are as good as the best of a metric, by a paired test: what a paper's table may set in bold.

The best is the arm with the best mean. Every other arm is compared with it by the sign-flip test over the seeds that
both have, and Holm corrects for the number of these comparisons. Those whose p stays above 5 % are not told apart from
the best, and stand beside it. With so few seeds that no difference could be significant, however large, the test tells
nothing apart: there is no group then, rather than one of all arms.
"""

from __future__ import annotations

from dataclasses import dataclass

from raysat.metrics.catalog import ACCURACY, Metric
from raysat.metrics.power import LEVEL, seeds_needed
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.significance import holm, sign_flip


@dataclass(frozen=True, slots=True, kw_only=True)
class TopGroup:
    """The best arm of a metric and those that are not told apart from it; names are those of arms."""

    metric: Metric
    best: str | None  # None where fewer than two arms compete
    arms: frozenset[str]  # the best included; empty where no test can tell arms apart
    competing: int
    pairs: int  # of seeds, of the comparison with the fewest; 0 without one

    @property
    def needed(self) -> int:
        """The seeds with which the strongest of the comparisons can be significant after Holm."""
        return seeds_needed(self.competing - 1)

    @property
    def too_few(self) -> bool:
        """Whether there is no group because seeds are too few."""
        return self.best is not None and self.pairs < self.needed

    @property
    def all_alike(self) -> bool:
        """Whether no arm is told apart from the best."""
        return len(self.arms) == self.competing > 1


def top_group(board: Leaderboard, metric: Metric) -> TopGroup:
    """Compare every arm with the best of a metric.

    An arm that is short of seeds, or has no value of the metric with some seed, does not compete: it would be kept by
    lacking what could tell it apart. Accuracy has no group: on imbalanced data its best is no merit.

    Args:
        board: the arms.
        metric: one that the arms have.
    """
    arms = [arm for arm in board.ranked if not arm.short and len(arm.metrics[metric].values) == arm.n]
    if metric == ACCURACY or len(arms) < 2:
        return TopGroup(metric=metric, best=None, arms=frozenset(), competing=len(arms), pairs=0)
    sign = -1.0 if metric.lower_is_better else 1.0
    best = max(arms, key=lambda arm: sign * (arm.metrics[metric].mean or 0.0))  # the first by rank, of equal ones
    others = [arm for arm in arms if arm is not best]
    differences = [_differences(arm, best, metric) for arm in others]
    pairs = min(map(len, differences))
    group = TopGroup(metric=metric, best=best.name, arms=frozenset(), competing=len(arms), pairs=pairs)
    if group.too_few:
        return group
    p = holm([float(sign_flip(paired)) for paired in differences])
    kept = {arm.name for arm, corrected in zip(others, p, strict=True) if corrected > LEVEL}
    return TopGroup(metric=metric, best=best.name, arms=frozenset({best.name, *kept}), competing=len(arms), pairs=pairs)


def _differences(arm: Arm, best: Arm, metric: Metric) -> list[float]:
    """An arm minus the best, on every seed that both have."""
    ours, theirs = (dict(zip(one.seeds, one.metrics[metric].values, strict=True)) for one in (arm, best))
    return [ours[seed] - theirs[seed] for seed in ours if seed in theirs]
