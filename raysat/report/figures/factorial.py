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

from raysat.formatting import plural
from raysat.report.analysis.collect import one_line
from raysat.report.analysis.effects import Effects
from raysat.report.analysis.factors import Factor
from raysat.report.analysis.findings import Findings
from raysat.report.analysis.ranking import RULE
from raysat.report.figures.names import elide, wrap
from raysat.report.figures.style import ACCENT, DASHES, MARKERS, MUTED, SERIES, Drawing, canvas, drawing, quiet

_MOST_PAIRS: Final = 6
_MOST_LEVELS: Final = 6  # of either factor
_MOST_SOURCES: Final = 24
_COLUMNS: Final = 3


def interactions(findings: Findings) -> Drawing | None:
    """Draw means of pairs of levels, the pairs that interact most first; None without two factors."""
    effects = findings.effects
    if effects is None:
        return None
    pairs = sorted(combinations(effects.design.factors, 2), key=lambda pair: -_strength(effects, pair))
    drawn = pairs[:_MOST_PAIRS]
    columns = min(_COLUMNS, len(drawn))
    rows = math.ceil(len(drawn) / columns)
    keys = [min(_MOST_LEVELS, len(a.levels), len(b.levels)) for a, b in drawn]
    many = any(max(len(a.levels), len(b.levels)) > 2 for a, b in drawn)
    figure = canvas(rows * ((2.8 if many else 2.35) + 0.18 * max(keys)), 2.6 * max(2, columns) if columns < 3 else 7.5)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes, pair in zip(panels, drawn, strict=False):
        across, lines = sorted(pair, key=lambda factor: -len(factor.levels))
        _pair(figure, axes, findings, across, lines)
    for axes in panels[len(drawn) :]:
        axes.set_axis_off()
    for axes in panels[::columns]:
        axes.set_ylabel("balanced accuracy")
    n = plural(len(effects.seeds), "seed")
    plain = "" if effects.design.balanced else " Not adjusted: the grid has gaps, so the table's estimates differ."
    more = f" Shown: the {len(drawn)} of {len(pairs)} pairs that interact most." if len(drawn) < len(pairs) else ""
    return drawing(
        figure,
        "interactions",
        title="Interactions",
        caption=f"Mean balanced accuracy of the arms with both levels ({n}), averaged over the other factors. "
        f"Parallel lines: the two do not interact.{plain}{more}",
        alt=f"{plural(len(drawn), 'panel')}, each of two factors: levels of one along the axis, a line for each level "
        "of the other.",
    )


def _strength(effects: Effects, pair: Sequence[Factor]) -> float:
    names = tuple(factor.name for factor in pair)
    found = (effect.estimates[RULE[0]].value for effect in effects.pairs if effect.factors == names)
    return max(map(abs, found), default=0.0)


def _pair(figure: Figure, axes: Axes, findings: Findings, across: Factor, lines: Factor) -> None:
    design = findings.effects.design if findings.effects else None
    common = set(findings.effects.seeds) if findings.effects else set()
    at_seeds = {
        arm.name: [v for v, seed in zip(arm.metrics[RULE[0]].values, arm.seeds, strict=True) if seed in common]
        for arm in findings.ranked
    }
    ticks = across.levels[:_MOST_LEVELS]
    for position, level in enumerate(lines.levels[:_MOST_LEVELS]):
        means = []
        for tick in ticks:
            arms = [arm for arm in (design.arms if design else ()) if (across.of[arm], lines.of[arm]) == (tick, level)]
            values = [each for arm in arms for each in at_seeds[arm]]
            means.append(fmean(values) if values else math.nan)
        axes.plot(
            range(len(ticks)),
            means,
            color=SERIES[position],
            linestyle=DASHES[position],
            marker=MARKERS[position],
            markersize=5.5,
            linewidth=1.6,
            label=f"{elide(one_line(lines.name), 12)} = {elide(one_line(level), 18)}",
        )
    few = len(ticks) <= 2
    labels = ["\n".join(wrap(one_line(tick), 14, 2)) if few else elide(one_line(tick), 14) for tick in ticks]
    axes.set_xticks(range(len(ticks)), labels)
    if not few:
        axes.tick_params(axis="x", rotation=35)
    axes.set_xlim(-0.35, len(ticks) - 0.65)
    axes.margins(y=0.12)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_title("\n".join(wrap(f"{one_line(across.name)} × {one_line(lines.name)}", 26, 2)))
    axes.grid(axis="y")
    handles = axes.get_lines()
    two = any("\n" in text for text in labels)
    below = -0.88 if not few else -0.45 if two else -0.3  # inches, to clear the names of levels
    clear = ScaledTranslation(0, below, figure.dpi_scale_trans)
    axes.legend(
        handles,
        [str(line.get_label()) for line in handles],
        loc="upper left",
        bbox_to_anchor=(-0.08, 0),
        bbox_transform=axes.transAxes + clear,
        borderaxespad=0,
        handlelength=2.2,
        borderpad=0,
    )


def variance(findings: Findings) -> Drawing | None:
    """Draw shares of the variance as bars; None where the grid is not balanced."""
    shares = findings.effects.shares if findings.effects else ()
    if not shares:
        return None
    ours = [share for share in shares if share.of_arms is not None]
    rest = [share for share in shares if share.of_arms is None]
    drawn = sorted(ours, key=lambda share: -share.of_all)[:_MOST_SOURCES] + rest
    figure = canvas(0.7 + 0.26 * len(drawn))
    axes = figure.subplots()
    values = [100 * share.of_all for share in drawn]
    colors = [MUTED if share.of_arms is None else ACCENT for share in drawn]
    axes.barh(range(len(drawn)), values, height=0.62, color=colors)
    for y, value in enumerate(values):
        axes.annotate(f"{value:.1f}", (value, y), (5, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(drawn)), [elide(one_line(share.source), 40) for share in drawn])
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    axes.set_xlim(0, max(*values, 1) * 1.12)
    axes.set_xlabel("% of the variance of balanced accuracy")
    axes.grid(axis="x")
    quiet(axes)
    n = plural(len(findings.effects.seeds), "seed") if findings.effects else ""
    more = f" Shown: the largest {_MOST_SOURCES} of {len(ours)}." if len(ours) > _MOST_SOURCES else ""
    return drawing(
        figure,
        "variance",
        title="Shares of variance",
        caption=f"Of balanced accuracy over all cells of the grid ({n}): what factors and pairs of them account for; "
        f"grey, what is due to the seed that all arms share, and to chance.{more}",
        alt=", ".join(f"{one_line(s.source)} {100 * s.of_all:.1f} %" for s in drawn[:8]) + ".",
    )
