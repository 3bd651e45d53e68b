"""Which arms a figure shows, and their names in little room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from rich.cells import cell_len

from raysat.formatting import plural
from raysat.report.analysis.collect import Arm
from raysat.report.analysis.findings import Findings
from raysat.report.format.cells import PARETO, TIED

MOST_ROWS: Final = 40
BASELINE: Final = "□"
MARKS: Final = f"{PARETO} no other arm beats it on both balanced accuracy and ICV; {BASELINE} the baseline."


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What stands left of a row: a short lead, such as a rank, and a text that may have several lines."""

    lead: str = ""
    text: str


def shown(findings: Findings, most: int) -> list[Arm]:
    """The first ``most`` of the ranking, and the baseline if it is not among them."""
    ranked = findings.ranked
    return [arm for place, arm in enumerate(ranked) if place < most or arm.name == findings.baseline]


def left_out(findings: Findings, arms: Sequence[Arm]) -> str:
    """A sentence on arms that are not shown; empty where all are."""
    total = len(findings.ranked)
    if len(arms) == total:
        return ""
    first = sum(arm.rank is not None and arm.rank <= len(arms) for arm in arms)
    baseline = "" if first == len(arms) else " and the baseline"
    return f" Shown: the first {first} of {total} arms{baseline}."


def seeds(arms: Sequence[Arm]) -> str:
    """``n = 5 seeds``, or the fewest and the most of these arms."""
    counts = sorted({arm.n for arm in arms})
    return f"n = {plural(counts[0], 'seed')}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]} seeds"


def label(findings: Findings, arm: Arm, width: int = 30, lines: int = 2) -> Label:
    """Rank, marks and the name on a few lines of ``width`` cells."""
    return Label(
        lead=f"{arm.rank}{TIED if arm.name in findings.tied else ''}",
        text="\n".join(wrap(marked(findings, arm), width, lines)),
    )


def marked(findings: Findings, arm: Arm) -> str:
    """An arm's name after its marks."""
    marks = f"{PARETO} " * (arm.name in findings.pareto) + f"{BASELINE} " * (arm.name == findings.baseline)
    return marks + arm.label


def write_rows(axes: Axes, labels: Sequence[Label]) -> None:
    """Write labels left of an axis, a row each: what leads them flush right, their texts flush left."""
    wide = max(_points(line) for label in labels for line in label.text.split("\n")) + 5
    for y, label in enumerate(labels):
        for text, left, side in ((label.text, wide, "left"), (label.lead, wide + 6, "right")):
            if text:
                axes.annotate(
                    text,
                    (0, y),
                    (-left, 0),
                    xycoords=axes.get_yaxis_transform(),
                    textcoords="offset points",
                    ha=side,
                    va="center",
                    annotation_clip=False,
                )
    axes.set_yticks([])


def _points(text: str) -> float:
    """How wide a text is in the figures' font, in points."""
    font = FontProperties(family=rcParams["font.sans-serif"], size=rcParams["font.size"])
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def wrap(text: str, width: int, lines: int) -> list[str]:
    """Break a text into few lines, at spaces where it can; of what is too long, the last line has the end alone."""
    if lines == 1 or cell_len(text) <= width:
        return [elide(text, width)]
    head, rest = "", text
    while cell_len(rest) and cell_len(head) + cell_len(rest[0]) <= width:
        head, rest = head + rest[0], rest[1:]
    if not rest.startswith(" ") and " " in head[width // 3 :]:
        head, _, word = head.rpartition(" ")
        rest = word + rest
    tail = (
        wrap(rest.strip(), width, lines - 1) if cell_len(rest.strip()) <= width * (lines - 1) else [_end(rest, width)]
    )
    return [head.strip(), *tail]


def elide(text: str, width: int) -> str:
    """Take out the middle of a text that is wider than so many cells: its ends tell arms apart."""
    if cell_len(text) <= width:
        return text
    left = text
    while cell_len(left) > width // 2:
        left = left[:-1]
    return left.rstrip() + _end(text, width - cell_len(left.rstrip()))


def _end(text: str, width: int) -> str:
    while cell_len(text) > width - 1:
        text = text[1:]
    return "…" + text.lstrip()
