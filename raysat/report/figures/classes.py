"""Recall and precision of every arm and class, as a table whose cells are darker where they are higher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from raysat.report.analysis.collect import Arm, one_line
from raysat.report.analysis.findings import Findings
from raysat.report.figures.names import MARKS, MOST_ROWS, elide, label, left_out, seeds, shown, write_rows
from raysat.report.figures.style import ACCENT, MUTED, SURFACE, WARN, Drawing, canvas, drawing, quiet

_NUMBERED: Final = 30  # with more arms, no numbers
_BESIDE: Final = 6  # with more classes, one panel below the other


def classes(findings: Findings) -> Drawing:
    """Draw both panels; the rarest class is the one in bold."""
    arms = shown(findings, MOST_ROWS)
    support = findings.board.support or ()
    beside = len(findings.board.classes) <= _BESIDE
    labels = [label(findings, arm) for arm in arms]
    tall = any("\n" in each.text for each in labels)
    rows = len(arms) * (0.36 if tall else 0.25) + 1.1
    figure = canvas(rows + 0.1 if beside else 2 * rows)
    shape = (1, 2) if beside else (2, 1)
    panels = figure.subplots(*shape, sharey=True, squeeze=False).ravel()
    for axes, metric in zip(panels, ("recall", "precision"), strict=True):
        _matrix(axes, findings, arms, metric)
        axes.set_yticks([])
        if axes is panels[0] or not beside:
            write_rows(axes, labels)
        axes.set_title(f"{metric}, %", pad=6)
    numbers = "" if len(arms) <= _NUMBERED else " The tables have the numbers."
    rare = [count for count in support if count]
    return drawing(
        figure,
        "classes",
        title="Recall and precision of each class",
        caption=f"In per cent, means over seeds ({seeds(arms)}); darker is higher. With each class: its patches in "
        f"the {findings.board.reported} split; in bold the rarest ({min(rare, default=0):,} patches). {MARKS}{numbers}"
        f"{left_out(findings, arms)}",
        alt=f"A table of {len(arms)} rows of arms and {len(findings.board.classes)} columns of classes, twice.",
    )


def _matrix(axes: Axes, findings: Findings, arms: Sequence[Arm], metric: str) -> None:
    names, support = findings.board.classes, findings.board.support or ()
    for y, arm in enumerate(arms):
        for x, summary in enumerate(arm.recall if metric == "recall" else arm.precision):
            mean = summary.mean
            # the square keeps shades apart where classifiers are: 0.7 from 0.9
            shade = 0.0 if mean is None else 0.62 * mean**2
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=ACCENT, alpha=shade, edgecolor="none"))
            if len(arms) <= _NUMBERED or mean is None:
                text = "–" if mean is None else f"{100 * mean:.0f}"
                axes.text(x, y, text, ha="center", va="center", color=MUTED if mean is None else None)
    for line in range(1, max(len(arms), len(names))):  # white between cells
        if line < len(arms):
            axes.axhline(line - 0.5, color=SURFACE, linewidth=1.2)
        if line < len(names):
            axes.axvline(line - 0.5, color=SURFACE, linewidth=1.2)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    counts = [f"{count:,}" for count in support] or [""] * len(names)
    pairs = [(elide(one_line(each), 16), count) for each, count in zip(names, counts, strict=True)]
    if len(names) <= 3:
        axes.set_xticks(range(len(names)), [f"{each}\n{count}" for each, count in pairs])
    else:
        narrow = len(names) > _BESIDE
        labels = [f"{each}  {count}" if narrow else f"{each}\n{count}" for each, count in pairs]
        turn = 90 if narrow else 50
        axes.set_xticks(range(len(names)), labels, rotation=turn, ha="right", rotation_mode="anchor")
        if narrow:
            for tick in axes.get_xticklabels():
                tick.set_verticalalignment("center")
    rarest = min((count for count in support if count), default=None)
    for tick, count in zip(axes.get_xticklabels(), support, strict=False):
        if count == rarest:
            tick.set_fontweight("bold")
            tick.set_color(WARN)
    axes.tick_params(axis="x", length=0)
    quiet(axes, left=False)
    axes.spines["bottom"].set_visible(False)
