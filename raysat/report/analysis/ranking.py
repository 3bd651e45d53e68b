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
from typing import TYPE_CHECKING, Final

from raysat.errors import UsageError, suggest

if TYPE_CHECKING:
    from raysat.report.analysis.collect import Arm

RULE: Final = ("balanced_accuracy", "icv", "macro_f1")
LABELS: Final = {  # every metric of an arm that is one number, in the order shown: accuracy last, as it never ranks
    "balanced_accuracy": "balanced accuracy",
    "icv": "ICV",
    "icv_root": "√ICV",
    "macro_f1": "macro F1",
    "worst_recall": "worst-class recall",
    "g_mean": "G-mean",
    "kappa": "weighted kappa",
    "mae": "MAE (classes)",
    "ece": "ECE",
    "nll": "NLL",
    "macro_auroc": "mean AUROC",
    "macro_average_precision": "mean AP",
    "accuracy": "accuracy",
}
EXTRA: Final = tuple(
    name for name in LABELS if name not in ("icv_root", "accuracy", *RULE)
)  # that predictions alone give
LOWER_IS_BETTER: Final = frozenset({"icv", "icv_root", "mae", "ece", "nll"})


def check_metric(metric: str) -> str:
    """Return the name of a metric that may rank. Raises UsageError for others."""
    if metric == "accuracy":
        raise UsageError(
            "accuracy never ranks: on imbalanced data it rewards neglect of the rare classes",
            hint="it is shown last in every report; rank by balanced_accuracy, icv or macro_f1",
        )
    known = [name for name in LABELS if name != "accuracy"]
    if metric not in known:
        raise UsageError(f"unknown metric {metric!r} to rank by", hint=suggest(metric, known))
    return metric


def rank(arms: Sequence[Arm], by: str = RULE[0]) -> tuple[Arm, ...]:
    """Order arms, best first, and number them. ``by`` is the metric in front of the rule.

    Raises UsageError for a metric that may not rank, or that these arms do not have.
    """
    order = (check_metric(by), *(metric for metric in RULE if metric != by))
    finished = [arm for arm in arms if arm.n]
    for arm in finished:
        if by not in arm.metrics or arm.metrics[by].mean is None:
            raise UsageError(
                f"arm {arm.name!r} has no {LABELS[by]}"
                + (": its classes have no order, or all predictions are of one" if by in ("kappa", "mae") else ""),
                hint="rank by another metric",
            )

    seeds, complete = ranking_seeds(finished), _complete(finished)

    def short(arm: Arm) -> bool:
        return not set(seeds) <= set(arm.seeds) if seeds else arm not in complete

    def key(arm: Arm) -> list[float]:
        means = [(metric, _mean(arm, metric, seeds)) for metric in order]
        few = short(arm)
        return [few, -arm.n if few else 0, *(mean if metric in LOWER_IS_BETTER else -mean for metric, mean in means)]

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
    return whole or [arm for arm in arms if arm.n and arm.n == max(other.n for other in arms)]


def _mean(arm: Arm, metric: str, seeds: Sequence[int]) -> float:
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
        arm.name: (_mean(arm, "balanced_accuracy", seeds), -_mean(arm, "icv", seeds))
        for arm in arms
        if arm.n and not arm.short
    }

    def beaten(point: tuple[float, float]) -> bool:
        return any(
            other != point and all(a >= b for a, b in zip(other, point, strict=True)) for other in points.values()
        )

    return frozenset(name for name, point in points.items() if not beaten(point))
