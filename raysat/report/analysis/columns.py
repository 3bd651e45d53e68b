"""The columns of a leaderboard: metrics, and recall and precision by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from raysat.formatting import number
from raysat.report.analysis.collect import METRICS, Arm, Leaderboard, Summary, one_line
from raysat.report.analysis.ranking import LABELS, LOWER_IS_BETTER, RULE

MOST_CLASSES: Final = 6  # whose recalls a leaderboard shows; with more they stand in a table of their own alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric, or one class's recall or precision."""

    metric: str
    position: int | None = None  # of the class
    label: str  # of the class, or of the metric

    @property
    def key(self) -> str:
        """Its name in files: ``icv``, ``recall_forest``."""
        return self.metric if self.position is None else f"{self.metric}_{self.label}"

    def ours(self, arm: Arm) -> Summary:
        """An arm's value over its seeds."""
        if self.position is None:
            return arm.metrics[self.metric]
        return (arm.recall if self.metric == "recall" else arm.precision)[self.position]

    def published(self, arm: Arm) -> float | None:
        """What was published of an arm; None where that is not printed, or is of other classes."""
        if arm.published is None:
            return None
        value = getattr(arm.published, self.metric, None)
        if self.position is not None:
            value = value[self.position] if value else None
        return None if value is None else float(value)

    def best(self, board: Leaderboard) -> str | None:
        """How its best value reads, so that all that read the same are marked; None where nothing competes.

        An arm that is short of seeds does not compete.
        """
        means = [mean for arm in board.arms if not arm.short and (mean := self.ours(arm).mean) is not None]
        if len(means) < 2:
            return None
        return number(min(means) if self.metric in LOWER_IS_BETTER else max(means), self.metric)


def columns(board: Leaderboard) -> list[Column]:
    """Every column, in the order shown: metrics, then recall and precision by class, accuracy last."""
    metrics = [Column(metric=metric, label=LABELS[metric]) for metric in METRICS]
    by_class = [class_columns(board, metric) for metric in ("recall", "precision")]
    return [*metrics[:-1], *by_class[0], *by_class[1], metrics[-1]]


def leading_columns(rank_by: str) -> list[Column]:
    """The column of what ranks, where the leaderboard would not show it otherwise."""
    return [] if rank_by in RULE else [Column(metric=rank_by, label=LABELS[rank_by])]


def class_columns(board: Leaderboard, metric: str) -> list[Column]:
    """Recall or precision, a column per class."""
    return [Column(metric=metric, position=k, label=one_line(name)) for k, name in enumerate(board.classes)]
