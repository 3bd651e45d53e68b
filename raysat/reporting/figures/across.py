"""Figures of several data sets: each arm's gain on each and over all; mean ranks with their critical difference."""

from __future__ import annotations

from typing import Final

from raysat.formatting import number, one_line, plural
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.across import Across
from raysat.reporting.figures.caption import Caption
from raysat.reporting.figures.forest import Row, forest
from raysat.reporting.figures.names import wrap
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import (
    ACCENT,
    MUTED,
    RenderedFigure,
    hide_axis_ticks,
    new_figure,
    render,
    style,
)

ACROSS_FIGURES: Final = ("gains", "ranks")
_METRIC: Final = BALANCED_ACCURACY


def draw_across(found: Across) -> tuple[RenderedFigure, ...]:
    """Draw all figures in reading order; those without data are left out."""
    with style():
        figures = [gains(found), ranks(found)]
    return tuple(figure for figure in figures if figure is not None)


def gains(found: Across) -> RenderedFigure:
    """Each arm's gain over the baseline: a line per data set, then the mean of all."""
    most = max(1, page().rows // (len(found.data_sets) + 1))
    arms = list(found.gains)[:most]
    height = 0.3 * (len(found.data_sets) + 1) + 0.42
    figure = new_figure(0.5 + height * len(arms))
    panels = figure.subplots(len(arms), 1, sharex=True, squeeze=False)[:, 0]
    base = found.labels[found.baseline]
    for axes, arm in zip(panels, arms, strict=True):
        rows = [Row(label=wrap(one_line(each.name), 30), estimate=each.gains[arm][_METRIC]) for each in found.data_sets]
        rows.append(Row(label="all: mean", estimate=found.gains[arm][_METRIC].estimate, strong=True))
        forest(axes, rows, f"gain in balanced accuracy over {base}" if axes is panels[-1] else "")
        if axes is not panels[-1]:
            axes.set_xlabel("")
        axes.set_title(wrap(found.labels[arm], 60))
    limits = [axes.dataLim.intervalx for axes in panels]
    low, high = min(0.0, *(low for low, _ in limits)), max(0.0, *(high for _, high in limits))
    room = 0.04 * (high - low) or 0.01
    panels[0].set_xlim(low - room, high + room)  # each panel had set those of its own rows
    left = (
        f"Shown: the first {len(arms)} of {len(found.gains)} arms by mean rank." if len(arms) < len(found.gains) else ""
    )
    return render(
        figure,
        "gains",
        title=f"Gain in balanced accuracy over {base}, data set by data set",
        caption=Caption(
            shows="Each arm minus the baseline on each data set (points) and on average over data sets (diamond)",
            look_for="diamonds whose line stays clear of zero; hollow marks are those whose interval includes it",
            n="n counts seeds of a data set, and data sets of a diamond",
            interval="Lines are 95 % intervals, over seeds and patches or over data sets",
            notes=left,
        ),
        alt=f"A panel for each of {plural(len(arms), 'arm')} with a row per data set and one for all.",
    )


def ranks(found: Across) -> RenderedFigure | None:
    """Draw mean ranks, and bars over arms that are not told apart (Demsar 2006); None where nothing is tested."""
    of = found.ranks[_METRIC]
    if of.critical is None:
        return None
    places = {arm: y for y, arm in enumerate(of.arms)}
    labels = [wrap(found.labels[arm], 34) for arm in of.arms]
    figure = new_figure(1.1 + 0.34 * len(labels))
    axes = figure.subplots()
    axes.plot(of.ranks, range(len(labels)), marker="o", linestyle="none", color=ACCENT, zorder=3)
    alike = of.alike()
    step = len(labels) / 40
    for k, group in enumerate(alike):
        x = len(labels) + step * (k + 2)
        axes.plot([x, x], [places[group[0]] - 0.25, places[group[-1]] + 0.25], color=MUTED, linewidth=3)
    width = min(of.critical, len(labels) - 1)
    axes.plot([1, 1 + width], [-0.9, -0.9], color=MUTED, linewidth=2, solid_capstyle="butt")
    cut = " and beyond" if of.critical > width else ""
    axes.text(1, -1.05, f"critical difference {number(of.critical, 2)}{cut}", color=MUTED, va="bottom")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -1.7)
    axes.set_xlim(0.8, len(labels) + step * (len(alike) + 2))
    axes.set_xticks(range(1, len(labels) + 1))
    axes.grid(axis="x")
    hide_axis_ticks(axes, left=False)
    axes.set_xlabel(f"mean rank in balanced accuracy (1 is the best, n = {plural(of.n, 'data set')})")
    return render(
        figure,
        "ranks",
        title="Mean ranks and the critical difference",
        caption=Caption(
            shows="The mean rank of each arm over the data sets",
            look_for="arms that no bar at the right joins: their mean ranks lie further apart than chance at 5 %",
            n=f"n = {plural(of.n, 'data set')}",
            interval="The bar above is Nemenyi's critical difference",
        ),
        alt=f"A row for each of {plural(len(labels), 'arm')} with its mean rank; bars join those not told apart.",
    )
