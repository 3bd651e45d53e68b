"""The one ranking of raysat: which arm is better than which.

Higher mean balanced accuracy first; equal ones by lower mean ICV, then by higher mean macro F1, then in the study's
order. ``--rank-by`` puts another metric in front of these. Accuracy never ranks: on imbalanced data it rewards neglect
of the rare classes.

Like is compared with like: means are over the seeds that all complete arms share, a complete arm being one whose
planned seeds have all finished (where there is none, one with the most finished seeds). An arm that lacks any of these
seeds ranks below all that have them, marked, whatever its other seeds reached. Arms without a finished seed come last,
without a rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from raysat.errors import UsageError, suggest
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, CAN_RANK, ICV, OF_ORDER, RANKING, Metric
from raysat.reporting.analysis.model import Arm


def ranking_metric(name: str) -> Metric:
    """Return the metric of this name. Raises UsageError for one that may not rank."""
    if name == ACCURACY.name:
        raise UsageError(
            "accuracy never ranks: on imbalanced data it rewards neglect of the rare classes",
            hint="it is shown last in every report; rank by balanced_accuracy, icv or macro_f1",
        )
    known = {metric.name: metric for metric in CAN_RANK}
    if name not in known:
        raise UsageError(f"unknown metric {name!r} to rank by", hint=suggest(name, known))
    return known[name]


def ranking_rule(by: Metric) -> tuple[Metric, ...]:
    """The metrics that decide, in order, where ``by`` is put in front of the rule."""
    return tuple(dict.fromkeys((by, *RANKING)))


def rank(arms: Sequence[Arm], by: Metric = BALANCED_ACCURACY) -> tuple[Arm, ...]:
    """Order arms, best first, and number them. ``by`` is the metric in front of the rule.

    Raises UsageError for a metric that these arms do not have.
    """
    finished = [arm for arm in arms if arm.n]
    for arm in finished:
        if by not in arm.metrics or arm.metrics[by].mean is None:
            raise UsageError(
                f"arm {arm.name!r} has no {by.label}"
                + (": its classes have no order, or all predictions are of one" if by in OF_ORDER else ""),
                hint="rank by another metric",
            )

    seeds, complete = ranking_seeds(finished), {arm.name for arm in _complete(finished)}

    def short(arm: Arm) -> bool:
        return not set(seeds) <= set(arm.seeds) if seeds else arm.name not in complete

    def key(arm: Arm) -> list[float]:
        means = [(metric, _mean(arm, metric, seeds)) for metric in ranking_rule(by)]
        few = short(arm)
        return [few, -arm.n if few else 0, *(mean if metric.lower_is_better else -mean for metric, mean in means)]

    ranked = [
        replace(arm, rank=position, short=short(arm)) for position, arm in enumerate(sorted(finished, key=key), start=1)
    ]
    return (*ranked, *(replace(arm, rank=None, short=False) for arm in arms if not arm.n))


def ranking_seeds(arms: Sequence[Arm]) -> tuple[int, ...]:
    """The seeds that all complete arms share, ascending; empty where they share none: each has its own then."""
    complete = _complete(arms)
    return tuple(sorted(set.intersection(*(set(arm.seeds) for arm in complete)))) if complete else ()


def _complete(arms: Sequence[Arm]) -> list[Arm]:
    """Arms whose planned seeds have all finished; where there is none, those with the most finished seeds."""
    whole = [arm for arm in arms if arm.n and arm.n == arm.n_planned]
    most = max((arm.n for arm in arms), default=0)
    return whole or [arm for arm in arms if arm.n and arm.n == most]


def _mean(arm: Arm, metric: Metric, seeds: Sequence[int]) -> float:
    """Mean of a metric over these seeds, or over all of an arm's where it lacks one, or its metric has gaps."""
    values = arm.metrics[metric].values
    if not seeds or not set(seeds) <= set(arm.seeds) or len(values) != arm.n:
        return arm.metrics[metric].mean or 0.0
    return fmean(value for seed, value in zip(arm.seeds, values, strict=True) if seed in seeds)


def pareto(arms: Sequence[Arm]) -> frozenset[str]:
    """Names of the arms that no other beats on both balanced accuracy and ICV (or on one, equal on the other).

    Arms are ranked ones; those that are short of seeds neither beat nor get the mark.
    """
    seeds = ranking_seeds(arms)
    points = {
        arm.name: (_mean(arm, BALANCED_ACCURACY, seeds), -_mean(arm, ICV, seeds))
        for arm in arms
        if arm.n and not arm.short
    }

    def beaten(accuracy: float, minus_icv: float) -> bool:
        return any(a >= accuracy and i >= minus_icv and (a, i) != (accuracy, minus_icv) for a, i in points.values())

    return frozenset(name for name, point in points.items() if not beaten(*point))
