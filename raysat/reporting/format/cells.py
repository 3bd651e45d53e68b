"""Cells that tables share: a metric's mean, a difference, a p-value, an arm, its rank, its seeds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from raysat.formatting import NONE, number, one_line, printable
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, Metric
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import Arm, MetricSummary
from raysat.reporting.format.numbers import format_difference, format_interval, format_spread, p_value
from raysat.reporting.format.table import Cell, Emphasis, Heading

TIED: Final = "="  # beside the rank of an arm that is tied with the best
PARETO: Final = "◆"  # beside an arm that no other beats on both balanced accuracy and ICV
ARM: Final = Heading(text="arm", words=True, key="arm", inline=False)
N: Final = Heading(text="n", key="n", room=12)


def words(text: str, below: str = "") -> Cell:
    """A text on one line."""
    return Cell(text=one_line(text), below=one_line(below))


def whole_cell(value: int | None) -> Cell:
    """A count."""
    return Cell(text=NONE if value is None else f"{value:,}", value=value)


def percent_cell(share: float | None) -> Cell:
    """A share: ``12.3 %``."""
    return Cell(text=NONE if share is None else f"{100 * share:.1f} %", value=share)


def p_cell(p: float | None) -> Cell:
    """A p-value."""
    return Cell(text=p_value(p), value=p)


def mean_cell(
    summary: MetricSummary,
    metric: Metric = BALANCED_ACCURACY,
    *,
    best: str | None = None,
    interval: Estimate | None = None,
) -> Cell:
    """Return a mean over seeds above its interval, or the standard deviation over seeds where there is none.

    Args:
        summary: an arm's values.
        metric: of which metric. Accuracy is never strong: on imbalanced data its best is no merit.
        best: how the best of the column reads, which is strong.
        interval: of the mean.
    """
    mean, text = summary.mean, number(summary.mean, metric.digits)
    emphasis = Emphasis.PLAIN
    if metric == ACCURACY:
        emphasis = Emphasis.MUTED
    elif mean is not None and text == best:
        emphasis = Emphasis.STRONG
    spread = format_spread(summary, metric.digits)
    below = format_interval(interval, metric.digits, difference=False) if interval else spread
    short = f" {NONE} " if mean is None else "1.0" if mean >= 0.995 else f"{mean:.2f}"[1:]
    return Cell(text=text, value=mean, below=below, emphasis=emphasis, short=short)


def estimate_cell(estimate: Estimate | None, digits: int = 3) -> Cell:
    """A value above its interval, neither with a sign."""
    value = estimate.value if estimate else None
    return Cell(text=number(value, digits), value=value, below=format_interval(estimate, digits, difference=False))


def difference_cell(estimate: Estimate | None, digits: int = 3) -> Cell:
    """A difference above its interval; strong where the interval excludes zero."""
    value = estimate.value if estimate else None
    return Cell(
        text=format_difference(value, digits),
        value=value,
        below=format_interval(estimate, digits),
        emphasis=Emphasis.STRONG if estimate is not None and estimate.excludes_zero else Emphasis.PLAIN,
    )


def arm_cell(arm: Arm, *, pareto: Collection[str] = (), baseline: str = "") -> Cell:
    """Return an arm's name with its marks; its settings are a hint.

    Args:
        arm: whose name.
        pareto: the arms that no other beats on both balanced accuracy and ICV.
        baseline: the arm that others are compared with.
    """
    return Cell(
        text=arm.label + (f" {PARETO}" if arm.name in pareto else ""),
        below="(baseline)" if arm.name == baseline else "",
        hint=printable(", ".join(arm.own_settings)),
    )


def n_cell(arm: Arm) -> Cell:
    """Finished seeds of an arm: ``3``, or ``2/3`` where some are not."""
    return Cell(text=str(arm.n) if arm.n == arm.n_planned else f"{arm.n}/{arm.n_planned}", value=arm.n)


def rank_cell(arm: Arm, tied: Collection[str] = ()) -> Cell:
    """An arm's rank: ``3``, ``3=`` where it is tied with the best, ``(3)`` where it is short of seeds."""
    text = NONE if arm.rank is None else f"({arm.rank})" if arm.short else str(arm.rank)
    return Cell(text=text + (TIED if arm.name in tied else ""), value=arm.rank)
