"""Pairs of factors whose lines cross or run side by side, and what share of the variance each source holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import fmean
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from raysat.formatting import elide, one_line, plural
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.effects import Effects
from raysat.reporting.analysis.factors import Factor
from raysat.reporting.analysis.model import Arm
from raysat.reporting.figures.caption import MEANS_ONLY, Caption
from raysat.reporting.figures.names import wrap
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import (
    ACCENT,
    DASHES,
    MARKERS,
    MUTED,
    SERIES,
    RenderedFigure,
    hide_axis_ticks,
    new_figure,
    render,
)

_MOST_PAIRS: Final = 6
_MOST_LEVELS: Final = 6  # of either factor
_MOST_SOURCES: Final = 24


def interactions(analysis: Analysis) -> RenderedFigure | None:
    """Draw means of pairs of levels, the pairs that interact most first; None without two factors."""
    effects = analysis.effects
    if effects is None:
        return None
    pairs = sorted(combinations(effects.design.factors, 2), key=lambda pair: -_strength(effects, pair))
    drawn = pairs[: 3 if page().narrow else _MOST_PAIRS]
    columns = 1 if page().narrow else min(3, len(drawn))
    rows = math.ceil(len(drawn) / columns)
    keys = [min(_MOST_LEVELS, len(a.levels), len(b.levels)) for a, b in drawn]
    many = any(max(len(a.levels), len(b.levels)) > 2 for a, b in drawn)
    figure = new_figure(
        rows * ((2.8 if many else 2.35) + 0.18 * max(keys)),
        page().width if columns > 2 or page().narrow else 5.2,
    )
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes, pair in zip(panels, drawn, strict=False):
        across, lines = sorted(pair, key=lambda factor: -len(factor.levels))
        _lines(axes, _means(effects, analysis.ranked, across, lines), across, lines)
        _legend(figure, axes, inches=_below(across))
    for axes in panels[len(drawn) :]:
        axes.set_axis_off()
    for axes in panels[::columns]:
        axes.set_ylabel("balanced accuracy")
    n = plural(len(effects.seeds), "seed")
    plain = "" if effects.design.balanced else " Not adjusted: the grid has gaps, so the table's estimates differ."
    more = f" Shown: the {len(drawn)} of {len(pairs)} pairs that interact most." if len(drawn) < len(pairs) else ""
    return render(
        figure,
        "interactions",
        title="Interactions",
        caption=Caption(
            shows="Mean balanced accuracy of the arms with both levels, averaged over the other factors",
            look_for="lines that are not parallel: there one factor changes what the other does",
            n=f"n = {n}",
            interval=MEANS_ONLY,
            notes=f"{plain}{more}".strip(),
        ),
        alt=f"{plural(len(drawn), 'panel')}, each of two factors: levels of one along the axis, a line for each level "
        "of the other.",
    )


def _strength(effects: Effects, pair: Sequence[Factor]) -> float:
    names = tuple(factor.name for factor in pair)
    values = (effect.estimates[BALANCED_ACCURACY].value for effect in effects.pairs if effect.factors == names)
    return max(map(abs, values), default=0.0)


def _means(effects: Effects, arms: Sequence[Arm], across: Factor, lines: Factor) -> list[list[float]]:
    """Mean balanced accuracy of the arms with both levels, over the seeds of all: a row per line."""
    pooled: dict[tuple[str, str], list[float]] = {}
    for arm in arms:
        if arm.name in effects.design.arms:
            values = zip(arm.metrics[BALANCED_ACCURACY].values, arm.seeds, strict=True)
            both = pooled.setdefault((across.of[arm.name], lines.of[arm.name]), [])
            both += [value for value, seed in values if seed in effects.seeds]
    return [
        [fmean(pooled.get((tick, level), [math.nan])) for tick in across.levels[:_MOST_LEVELS]]
        for level in lines.levels[:_MOST_LEVELS]
    ]


def _lines(axes: Axes, means: Sequence[Sequence[float]], across: Factor, lines: Factor) -> None:
    for position, (row, level) in enumerate(zip(means, lines.levels, strict=False)):
        axes.plot(
            row,
            color=SERIES[position],
            linestyle=DASHES[position],
            marker=MARKERS[position],
            markersize=5.5,
            linewidth=1.6,
            label=f"{elide(one_line(lines.name), 12)} = {elide(one_line(level), 18)}",
        )
    labels = _tick_labels(across)
    axes.set_xticks(range(len(labels)), labels)
    if len(labels) > 2:
        axes.tick_params(axis="x", rotation=35)
    axes.set_xlim(-0.35, len(labels) - 0.65)
    axes.margins(y=0.12)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(wrap(f"{one_line(across.name)} × {one_line(lines.name)}", 26))
    axes.grid(axis="y")


def _tick_labels(across: Factor) -> list[str]:
    """Names of levels below the axis: two have room for two lines each."""
    levels = [one_line(level) for level in across.levels[:_MOST_LEVELS]]
    return [wrap(level, 14) if len(levels) <= 2 else elide(level, 14) for level in levels]


def _below(across: Factor) -> float:
    """How far below an axis its key begins, to clear the names of levels; inches."""
    labels = _tick_labels(across)
    return -0.88 if len(labels) > 2 else -0.45 if any("\n" in label for label in labels) else -0.3


def _legend(figure: Figure, axes: Axes, *, inches: float) -> None:
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(-0.08, 0),
        bbox_transform=axes.transAxes + ScaledTranslation(0, inches, figure.dpi_scale_trans),
        borderaxespad=0,
        handlelength=2.2,
        borderpad=0,
    )


def variance(analysis: Analysis) -> RenderedFigure | None:
    """Draw shares of the variance as bars; None where the grid is not balanced."""
    if analysis.effects is None or not analysis.effects.components:
        return None
    components = analysis.effects.components
    of_arms = [part for part in components if part.of_arms is not None]
    rest = [part for part in components if part.of_arms is None]
    drawn = sorted(of_arms, key=lambda part: -part.of_all)[:_MOST_SOURCES] + rest
    figure = new_figure(0.7 + 0.26 * len(drawn))
    axes = figure.subplots()
    values = [100 * part.of_all for part in drawn]
    colors = [MUTED if part.of_arms is None else ACCENT for part in drawn]
    axes.barh(range(len(drawn)), values, height=0.62, color=colors)
    for y, value in enumerate(values):
        axes.annotate(f"{value:.1f}", (value, y), (5, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(drawn)), [elide(one_line(part.source), 26 if page().narrow else 40) for part in drawn])
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    axes.set_xlim(0, max(*values, 1) * 1.12)
    axes.set_xlabel("% of the variance of balanced accuracy")
    axes.grid(axis="x")
    hide_axis_ticks(axes)
    n = plural(len(analysis.effects.seeds), "seed")
    more = f" Shown: the largest {_MOST_SOURCES} of {len(of_arms)}." if len(of_arms) > _MOST_SOURCES else ""
    return render(
        figure,
        "variance",
        title="Shares of variance",
        caption=Caption(
            shows="What factors and pairs of them account for in balanced accuracy over all trials of the grid; grey, "
            "what is due to the seed that all arms share, and to chance",
            look_for="long blue bars: the methods that matter; where a grey bar is longer, seeds matter more",
            n=f"n = {n}",
            interval="Shares of what was observed, without intervals",
            notes=more.strip(),
        ),
        alt=", ".join(f"{one_line(part.source)} {100 * part.of_all:.1f} %" for part in drawn[:8]) + ".",
    )
