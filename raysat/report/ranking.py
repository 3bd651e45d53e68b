"""The one ranking of raysat: which arm is better than which.

Higher mean balanced accuracy first; equal ones by lower mean ICV, then by higher mean macro F1, then in the study's
order. ``--rank-by`` puts another metric in front of these. Accuracy never ranks: on imbalanced data it rewards neglect
of the rare classes. Arms without a finished seed come last, without a rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from raysat.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from raysat.report.frame import Arm

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
        raise UsageError(
            f"unknown metric {metric!r} to rank by", hint=did_you_mean(metric, known) or f"known: {', '.join(known)}"
        )
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

    def key(arm: Arm) -> list[float]:
        means = [(metric, arm.metrics[metric].mean or 0.0) for metric in order]
        return [mean if metric in LOWER_IS_BETTER else -mean for metric, mean in means]

    ranked = [replace(arm, rank=position) for position, arm in enumerate(sorted(finished, key=key), start=1)]
    return (*ranked, *(replace(arm, rank=None) for arm in arms if not arm.n))


def pareto(arms: Sequence[Arm]) -> frozenset[str]:
    """Names of the arms that no other beats on both balanced accuracy and ICV (or on one, equal on the other)."""
    points = {
        arm.name: (arm.metrics["balanced_accuracy"].mean or 0.0, -(arm.metrics["icv"].mean or 0.0))
        for arm in arms
        if arm.n
    }

    def beaten(point: tuple[float, float]) -> bool:
        return any(
            other != point and all(a >= b for a, b in zip(other, point, strict=True)) for other in points.values()
        )

    return frozenset(name for name, point in points.items() if not beaten(point))
