"""Which arms a figure shows, and their names in little room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from raysat.formatting import plural, tail
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.model import Arm
from raysat.reporting.figures.page import page
from raysat.reporting.format.cells import PARETO, TIED

BASELINE: Final = "□"
MARKS: Final = f"{PARETO} no other arm beats it on both balanced accuracy and ICV; {BASELINE} the baseline."


def shown(analysis: Analysis, most: int) -> list[Arm]:
    """The first ``most`` of the ranking, and the baseline if it is not among them."""
    return [arm for place, arm in enumerate(analysis.ranked) if place < most or arm.name == analysis.baseline]


def left_out(analysis: Analysis, arms: Sequence[Arm]) -> str:
    """A sentence on arms that are not shown; empty where all are."""
    total = len(analysis.ranked)
    if len(arms) == total:
        return ""
    first = sum(arm.rank is not None and arm.rank <= len(arms) for arm in arms)
    baseline = "" if first == len(arms) else " and the baseline"
    return f" Shown: the first {first} of {total} arms{baseline}."


def seeds(arms: Sequence[Arm]) -> str:
    """``n = 5 seeds``, or the fewest and the most of these arms."""
    counts = sorted({arm.n for arm in arms})
    return f"n = {plural(counts[0], 'seed')}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]} seeds"


def row_label(analysis: Analysis, arm: Arm, narrow: int = 22) -> str:
    """Return rank, marks and name on two lines at most, for a row of a figure.

    Args:
        analysis: of the report.
        arm: whose row it is.
        narrow: letters of a line in a column of a paper.
    """
    tied = TIED if arm.name in analysis.tied else ""
    return wrap(f"{arm.rank}{tied}  {marked(analysis, arm)}", narrow if page().narrow else 34)


def marked(analysis: Analysis, arm: Arm) -> str:
    """An arm's name after its marks."""
    marks = f"{PARETO} " * (arm.name in analysis.pareto) + f"{BASELINE} " * (arm.name == analysis.baseline)
    return marks + arm.label


def wrap(text: str, width: int) -> str:
    """Break a text wider than so many cells of a terminal into two lines, at a space where it can.

    Of what is too long for two, the second has the end alone.
    """
    if cell_len(text) <= width:
        return text
    head, rest = "", text
    while cell_len(rest) and cell_len(head) + cell_len(rest[0]) <= width:
        head, rest = head + rest[0], rest[1:]
    if not rest.startswith(" ") and " " in head[width // 3 :]:
        head, _, word = head.rpartition(" ")
        rest = word + rest
    rest = rest.strip()
    return f"{head.strip()}\n{rest if cell_len(rest) <= width else tail(rest, width)}"
