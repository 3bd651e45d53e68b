"""Numbers as text, the same in every form of a report."""

from __future__ import annotations

from math import isfinite

from raysat.formatting import NONE, number
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import MetricSummary


def printed(value: float | None) -> str:
    """A published number with the four digits that papers print."""
    return NONE if value is None else f"{value:.4f}"


def p_value(p: float | None) -> str:
    """Three decimals, or ``<0.001``."""
    return NONE if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def quality(value: float | None) -> str:
    """A figure of generated patches: three decimals, with a true minus; no minus before zero."""
    return NONE if value is None or not isfinite(value) else f"{round(value, 3) + 0.0:.3f}".replace("-", "−")


def format_spread(summary: MetricSummary, digits: int = 3) -> str:
    """The standard deviation over seeds; empty for fewer than two."""
    return "" if summary.sd is None else f"± {number(summary.sd, digits)}"


def format_difference(value: float | None, digits: int = 3) -> str:
    """A difference with its sign: ``+0.031``, ``−0.031``; what rounds to zero has none, None is a dash."""
    text = number(value, digits)
    if value is None or not float(text):
        return text.lstrip("-")
    return f"−{text[1:]}" if value < 0 else f"+{text}"


def format_interval(estimate: Estimate | None, digits: int = 3, *, difference: bool = True) -> str:
    """Return the ends of an interval: ``[−0.001, +0.062]``; empty where there is none.

    Args:
        estimate: with or without interval; None where there is nothing to estimate.
        digits: decimals.
        difference: whether it is one, whose ends have signs.
    """
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    low, high = (_end(end, digits) if difference else _plain(end, digits) for end in (estimate.low, estimate.high))
    return f"[{low}, {high}]"


def format_estimate(estimate: Estimate | None, digits: int = 3, *, difference: bool = True) -> str:
    """Return a value and its interval: ``+0.031 [−0.001, +0.062]``.

    Args:
        estimate: None, a dash, where there is nothing to estimate.
        digits: decimals.
        difference: whether it is one, which has a sign.
    """
    value = None if estimate is None else estimate.value
    text = format_difference(value, digits) if difference else NONE if value is None else _plain(value, digits)
    return f"{text} {format_interval(estimate, digits, difference=difference)}".rstrip()


def _plain(value: float, digits: int) -> str:
    """A number with a true minus."""
    return number(value, digits).replace("-", "−")


def _end(value: float, digits: int) -> str:
    """An end of an interval, with its sign even where it rounds to zero: that tells whether zero lies within."""
    if not value or float(number(value, digits)):
        return format_difference(value, digits)
    return ("+" if value > 0 else "−") + number(0.0, digits)
