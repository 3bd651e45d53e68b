"""The cells of a page's tables: what stands in them, what they are sorted by, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raysat.formatting import NONE, number
from raysat.report.analysis.collect import Arm, Summary
from raysat.report.analysis.columns import Column
from raysat.report.analysis.findings import Findings
from raysat.report.analysis.paired import Estimate
from raysat.report.format.sentences import MAIN, bracketed, p_value
from raysat.report.format.text import PARETO, TIED, count, printed, rank_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in a cell, what it is sorted by, and how it looks."""

    text: str
    value: float | None = None  # None is sorted last, whichever way
    below: str = ""  # smaller, such as an interval
    look: str = ""  # CSS classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The head of a column."""

    text: str
    below: str = ""
    words: bool = False  # sorted as text; else by value


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the cell ``name`` of each row is its heading."""

    caption: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    name: int = 0
    sorted_by: int | None = None  # the column it is sorted by, upwards, to begin with
    total: Sequence[Cell] = ()


def estimate_cell(estimate: Estimate | None, measure: str = MAIN[0], *, difference: bool = True) -> Cell:
    """A value above its interval; in bold where the interval of a difference leaves zero out."""
    text, bracket, rest = bracketed(estimate, measure, difference=difference).partition(" [")
    clear = difference and estimate is not None and estimate.clear
    return Cell(
        text=text, value=estimate.value if estimate else None, below=bracket.strip() + rest, look="strong" * clear
    )


def number_cell(value: float | None, metric: str = "", *, best: str | None = None, below: str = "") -> Cell:
    """A number, in bold where it reads as the best of its column does."""
    text = number(value, metric)
    return Cell(text=text, value=value, below=below, look="strong" if best == text and value is not None else "")


def column_cell(column: Column, findings: Findings, arm: Arm) -> Cell:
    """A mean over seeds with what is known of its spread: an interval, else the standard deviation."""
    summary = column.ours(arm)
    own = findings.means.get(arm.name, {}).get(
        column.metric if column.position is None else f"{column.metric}_{column.position}"
    )
    below = estimate_cell(own, column.metric, difference=False).below if own else spread(summary, column.metric)
    return number_cell(summary.mean, column.metric, best=column.best(findings.board), below=below)


def spread(summary: Summary, metric: str = "") -> str:
    """The standard deviation over seeds; empty for fewer than two."""
    return "" if summary.sd is None else f"± {number(summary.sd, metric)}"


def whole_cell(value: int | None) -> Cell:
    """A count."""
    return Cell(text=NONE if value is None else f"{value:,}", value=value)


def p_cell(p: float | None) -> Cell:
    """A p-value."""
    return Cell(text=p_value(p), value=p)


def arm_cell(findings: Findings, arm: Arm) -> Cell:
    """An arm's name and marks."""
    marks = f" {PARETO}" * (arm.name in findings.pareto)
    role = "baseline" if arm.name == findings.baseline and len(findings.ranked) > 1 else ""
    return Cell(text=arm.label + marks, below=role)


def published_cell(findings: Findings, arm: Arm) -> Cell:
    """The published balanced accuracy of an arm, and ours less it with its interval below."""
    beside = findings.replication.of(arm.name, "balanced_accuracy") if findings.replication else None
    if beside is None:
        return Cell(text=NONE)
    return Cell(text=printed(beside.published), value=beside.published, below=bracketed(beside.estimate))


def n_cell(arm: Arm) -> Cell:
    """Finished seeds of an arm."""
    return Cell(text=count(arm), value=arm.n)


def rank_cell(findings: Findings, arm: Arm) -> Cell:
    """Rank of an arm and whether it is tied with the best."""
    tied = TIED if arm.name in findings.tied else ""
    return Cell(text=f"{rank_text(arm)}{tied}", value=arm.rank)
