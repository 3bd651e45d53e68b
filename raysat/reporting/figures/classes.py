"""Recall and precision of every arm and class, as a table whose cells are darker where they are higher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from raysat.formatting import NONE, elide
from raysat.metrics.catalog import PRECISION, RECALL, Metric
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.figures.caption import MEANS_ONLY, Caption
from raysat.reporting.figures.names import MARKS, left_out, row_label, seeds, shown
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import (
    ACCENT,
    MUTED,
    SURFACE,
    WARN,
    RenderedFigure,
    hide_axis_ticks,
    new_figure,
    render,
    turned,
)

_NUMBERED: Final = 30  # with more arms, no numbers
_BESIDE, _BESIDE_NARROW = 6, 4  # with more classes, one panel below the other


def classes(analysis: Analysis) -> RenderedFigure:
    """Draw both panels; the rarest class is the one in bold."""
    beside = len(analysis.board.classes) <= (_BESIDE_NARROW if page().narrow else _BESIDE)
    arms = shown(analysis, page().rows if beside or not page().millimetres else page().rows // 2)
    support = analysis.board.support or ()
    labels = [row_label(analysis, arm) for arm in arms]
    tall = any("\n" in label for label in labels)
    rows = len(arms) * (0.36 if tall else 0.25) + 1.1
    figure = new_figure(rows + 0.1 if beside else 2 * rows)
    shape = (1, 2) if beside else (2, 1)
    panels = figure.subplots(*shape, sharey=True, squeeze=False).ravel()
    for axes, metric in zip(panels, (RECALL, PRECISION), strict=True):
        _matrix(axes, arms, metric)
        _class_names(axes, analysis.board)
        axes.set_yticks(range(len(arms)), labels)
        axes.set_title(f"{metric.label}, %", pad=6)
    numbers = "" if len(arms) <= _NUMBERED else " The tables have the numbers."
    rare = [count for count in support if count]
    return render(
        figure,
        "classes",
        title="Recall and precision of each class",
        caption=Caption(
            shows="Recall and precision in per cent, darker where higher, and with each class its patches in the "
            f"{analysis.board.reported} split",
            look_for=f"pale cells of the rarest class, in bold ({min(rare, default=0):,} patches): there an arm pays "
            "for its accuracy",
            n=seeds(arms),
            interval=MEANS_ONLY,
            notes=f"{MARKS}{numbers}{left_out(analysis, arms)}",
        ),
        alt=f"A table of {len(arms)} rows of arms and {len(analysis.board.classes)} columns of classes, twice.",
    )


def _matrix(axes: Axes, arms: Sequence[Arm], metric: Metric) -> None:
    rows = [[summary.mean for summary in arm.by_class(metric)] for arm in arms]
    for y, row in enumerate(rows):
        for x, mean in enumerate(row):
            # the square keeps shades apart where classifiers are: 0.7 from 0.9
            shade = 0.0 if mean is None else 0.62 * mean**2
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=ACCENT, alpha=shade, edgecolor="none"))
            if len(arms) <= _NUMBERED or mean is None:
                text = NONE if mean is None else f"{100 * mean:.0f}"
                axes.text(x, y, text, ha="center", va="center", color=MUTED if mean is None else None)
    for y in range(1, len(rows)):  # white between cells
        axes.axhline(y - 0.5, color=SURFACE, linewidth=1.2)
    for x in range(1, len(rows[0])):
        axes.axvline(x - 0.5, color=SURFACE, linewidth=1.2)
    axes.set_xlim(-0.5, len(rows[0]) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="x", length=0)
    hide_axis_ticks(axes, left=False)
    axes.spines["bottom"].set_visible(False)


def _class_names(axes: Axes, board: Leaderboard) -> None:
    """Name the columns, with the patches of each class; the rarest stands out."""
    names, support = board.classes, board.support or ()
    counts = [f"{count:,}" for count in support] or [""] * len(names)
    narrow = len(names) > (2 if page().narrow else _BESIDE)
    between = "  " if narrow else "\n"
    labels = [f"{elide(name, 16)}{between}{count}" for name, count in zip(names, counts, strict=True)]
    axes.set_xticks(range(len(names)), labels, **(turned(upright=narrow) if len(names) > 3 else {}))
    rarest = min((count for count in support if count), default=None)
    for tick, count in zip(axes.get_xticklabels(), support, strict=False):
        if count == rarest:
            tick.set_fontweight("bold")
            tick.set_color(WARN)
