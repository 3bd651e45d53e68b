"""Confusion matrices of the best arms and the baseline: which classes are predicted as which."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from raysat.formatting import elide
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.figures.caption import SUMS_ONLY, Caption
from raysat.reporting.figures.names import MARKS, left_out, marked, seeds, shown, wrap
from raysat.reporting.figures.page import SCREEN, page
from raysat.reporting.figures.style import (
    ACCENT,
    GRID,
    WARN,
    RenderedFigure,
    hide_axis_ticks,
    new_figure,
    render,
    turned,
)

_MOST: Final = 8
_NARROW: Final = 6  # with more classes, two panels in a row instead of three


def confusion(analysis: Analysis) -> RenderedFigure:
    """Draw counts summed over seeds, shaded by their share of the true class."""
    names = analysis.board.classes
    arms = shown(analysis, _most(len(names)))
    most = 3 if len(names) <= _NARROW else 2
    columns = min(max(1, most - 1) if page().narrow else most, len(arms))
    rows = math.ceil(len(arms) / columns)
    across = page().width - 0.1 if page().narrow else SCREEN.width
    side = (across - 1.2) / max(columns, 1 if page().narrow and most == 2 else 2)
    counts = [analysis.predictions.confusion_of(arm.name) for arm in arms]
    room = side / len(names)
    digits = max(len(str(int(matrix.max()))) for matrix in counts)
    form = "counts" if room >= 0.1 + 0.085 * digits else "shares" if room >= 0.3 else ""
    figure = new_figure(rows * (side + 0.35) + 0.9, 1.2 + side * columns + 0.1)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, arm, matrix in zip(panels.ravel(), arms, counts, strict=False):
        _matrix(axes, matrix, form)
        title = wrap(f"{arm.rank}  {marked(analysis, arm)}", int(side * 12.5))
        axes.set_title(title, fontsize=9.5, fontweight="normal")
    labels = [elide(name, 14) for name in names]
    look = turned(upright=len(names) > _NARROW or page().narrow)
    for axes in panels.ravel():
        axes.set_xticks(range(len(names)), labels, **look)
        axes.set_yticks(range(len(names)), labels)
    for place in range(len(arms), rows * columns):  # an empty place has the names of the classes above it
        spare = panels.ravel()[place]
        spare.set_axis_off()
        if place >= columns:
            for x, text in enumerate(labels):
                spare.text(x, -0.4, text, in_layout=False, **look)
    figure.supxlabel("predicted class", fontsize=9.5)
    figure.supylabel("true class", fontsize=9.5)
    what = "Per cent of the true class" if form == "shares" else "Patches"
    return render(
        figure,
        "confusion",
        title="Confusion matrices",
        caption=Caption(
            shows=f"{what}, summed over seeds and shaded by the share of the true class, blue where right",
            look_for="dark orange: the class of that row is taken for the class of that column",
            n=seeds(arms),
            interval=SUMS_ONLY,
            notes=f"{MARKS}{left_out(analysis, arms)}",
        ),
        alt=f"{len(arms)} {'matrix' if len(arms) == 1 else 'matrices'} of {len(names)} true by as many predicted "
        "classes.",
    )


def _most(classes: int) -> int:
    """How many arms there is room for, beside the baseline on paper."""
    few = classes <= _NARROW
    if page().narrow:
        return 5 if few else 2
    return _MOST if few or page() == SCREEN else 3


def _matrix(axes: Axes, counts: npt.NDArray[Any], form: str) -> None:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for (y, x), part in np.ndenumerate(share):
        if not counts[y, x]:
            continue
        color = ACCENT if x == y else WARN
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=color, alpha=0.62 * float(part), edgecolor="none"))
        if form:
            text = f"{counts[y, x]}" if form == "counts" else f"{100 * part:.0f}"
            axes.text(x, y, text, ha="center", va="center", fontsize=9)
    size = len(counts)
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=GRID, linewidth=0.8)
    axes.tick_params(which="both", length=0)
    hide_axis_ticks(axes, left=False)
    axes.spines["bottom"].set_visible(False)
