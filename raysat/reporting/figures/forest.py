"""Forest plots: differences with their intervals beside a line at zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from raysat.formatting import one_line, plural
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.combination import Combination
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.paired import Estimates
from raysat.reporting.figures.caption import Caption
from raysat.reporting.figures.names import MARKS, left_out, row_label, shown, wrap
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import (
    ACCENT,
    GRID,
    INK,
    MUTED,
    SURFACE,
    RenderedFigure,
    hide_axis_ticks,
    new_figure,
    render,
)
from raysat.reporting.format.numbers import format_difference

_MOST_COMBINATIONS: Final = 4
_LINES: Final = "Lines are 95 % intervals over seeds and test patches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a forest plot."""

    label: str  # of one line or more
    estimate: Estimate | None  # None for what the others are compared with, and where there is nothing to compare
    reference: bool = False
    strong: bool = False


def differences(analysis: Analysis) -> RenderedFigure | None:
    """Every arm against the best and against the baseline; None where nothing can be compared."""
    metric = analysis.metric
    arms = shown(analysis, page().rows)
    sides: list[tuple[str, str, Mapping[str, Estimates]]] = [("to the best", analysis.best, analysis.to_best)]
    if analysis.baseline != analysis.best:
        sides.append(("to the baseline", analysis.baseline, analysis.to_baseline))
    if not any(metric in estimates for _, _, compared in sides for estimates in compared.values()):
        return None
    labels = [row_label(analysis, arm) for arm in arms]
    figure = new_figure(1.1 + _height(labels))
    panels = figure.subplots(1, len(sides), sharey=True, squeeze=False)[0]
    for axes, (title, to, compared) in zip(panels, sides, strict=True):
        rows = [
            Row(label=label, estimate=compared.get(arm.name, {}).get(metric), reference=arm.name == to)
            for label, arm in zip(labels, arms, strict=True)
        ]
        forest(axes, rows)
        axes.set_title(title)
        if page().narrow and len(sides) > 1:
            axes.xaxis.set_major_locator(MaxNLocator(2))
    what = f"difference in {metric.label}{', lower is better' if metric.lower_is_better else ''}"
    if len(sides) > 1:
        figure.supxlabel(what, fontsize=9.5)
    else:
        panels[0].set_xlabel(f"{what} ({panels[0].get_xlabel()})".removesuffix(" ()"))
    tied = "= marks arms tied with the best. " * bool(analysis.tied)
    known = [estimates[metric] for _, _, of in sides for estimates in of.values() if metric in estimates]
    return render(
        figure,
        "differences",
        title=f"Paired differences to the best{' and to the baseline' * (len(sides) > 1)}",
        caption=Caption(
            shows=f"Difference in {metric.label}, seed by seed on the same {analysis.board.n_test:,} patches",
            look_for="lines that stay clear of zero; hollow points are those whose interval includes it",
            n=_pairs(known),
            interval=_lines(known),
            notes=f"{tied}{MARKS}{left_out(analysis, arms)}",
        ),
        alt=f"A row for each of {plural(len(arms), 'arm')}, best first, with its difference and interval around zero.",
    )


def _pairs(estimates: Sequence[Estimate]) -> str:
    """``n = 8 pairs of seeds``, or the fewest and the most of these estimates."""
    counts = sorted({estimate.n for estimate in estimates})
    pairs = f"{plural(counts[-1], 'pair')} of seeds"
    return f"n = {pairs}" if len(counts) == 1 else f"n = {counts[0]} to {pairs}"


def _lines(estimates: Sequence[Estimate]) -> str:
    return _LINES if any(estimate.low is not None for estimate in estimates) else "One seed, so no interval"


def main_effects(analysis: Analysis) -> RenderedFigure | None:
    """What each level does instead of its factor's first, on average over the rest."""
    if analysis.effects is None:
        return None
    known = [effect for effect in analysis.effects.main if BALANCED_ACCURACY in effect.estimates]
    if not known:
        return None
    rows = [_row(one_line(effect.label), effect.estimates[BALANCED_ACCURACY]) for effect in known[: page().rows]]
    estimates = [row.estimate for row in rows if row.estimate]
    figure = new_figure(0.9 + _height([row.label for row in rows]))
    forest(figure.subplots(), rows, "change in balanced accuracy")
    more = f" Shown: {len(rows)} of {len(known)}; the table has all." if len(known) > len(rows) else ""
    over = "averaged over" if analysis.effects.design.balanced else "adjusted for"
    return render(
        figure,
        "main-effects",
        title="Main effects on balanced accuracy",
        caption=Caption(
            shows=f"What a level does instead of the first of its factor, {over} the other factors",
            look_for="lines that stay clear of zero; hollow points are those whose interval includes it",
            n=_pairs(estimates),
            interval=_lines(estimates),
            notes=more.strip(),
        ),
        alt=f"A row for each of {plural(len(rows), 'effect')} with its interval around zero.",
    )


def combinations(analysis: Analysis) -> RenderedFigure | None:
    """What combinations gain over each part of them, and what of it is beyond the sum of the parts."""
    compared = analysis.effects.combinations[:_MOST_COMBINATIONS] if analysis.effects else ()
    if not compared:
        return None
    groups = [(combination.label, _gains(combination)) for combination in compared]
    estimates = [row.estimate for _, rows in groups for row in rows if row.estimate]
    heights = [_height([row.label for row in rows]) + 0.35 for _, rows in groups]
    figure = new_figure(0.7 + sum(heights))
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (label, rows) in zip(panels, groups, strict=True):
        forest(axes, rows, "gain in balanced accuracy" if axes is panels[-1] else "")
        axes.set_title(wrap(one_line(label), 30 if page().narrow else 50))
    return render(
        figure,
        "combination",
        title="Combinations against their parts",
        caption=Caption(
            shows="What the whole combination gains in balanced accuracy over each part of it, and its synergy: the "
            "gain beyond the sum of what its parts gain alone (diamond)",
            look_for="lines right of zero: there the whole is more than that part, or (diamond) than their sum; hollow "
            "points are those whose interval includes zero",
            n=_pairs(estimates),
            interval=_lines(estimates),
        ),
        alt="A row for each part of a combination with the gain over it and its interval around zero.",
    )


def _gains(combination: Combination) -> list[Row]:
    rows = [
        _row(f"over {one_line(part.label)}", part.gain[BALANCED_ACCURACY])
        for part in combination.subsets
        if BALANCED_ACCURACY in part.gain
    ]
    if BALANCED_ACCURACY in combination.synergy:
        rows.append(_row("beyond the sum of its parts", combination.synergy[BALANCED_ACCURACY], strong=True))
    return rows


def _row(text: str, estimate: Estimate, *, strong: bool = False) -> Row:
    return Row(label=wrap(text, 24 if page().narrow else 38), estimate=estimate, strong=strong)


def forest(axes: Axes, rows: Sequence[Row], xlabel: str = "") -> None:
    """Draw rows from the top down, with n at the right where it differs, else below.

    Args:
        axes: where.
        rows: labels stand left of the first panel that shares them.
        xlabel: what the values are.
    """
    estimates = [row.estimate for row in rows if row.estimate is not None]
    counts = {estimate.n for estimate in estimates}
    axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
    for y, row in enumerate(rows):
        if row.reference:
            axes.plot([0], [y], marker="|", markersize=11, markeredgewidth=2, color=INK, zorder=3)
        if row.estimate is not None:
            _point(axes, y, row.estimate, strong=row.strong)
            if len(counts) > 1:
                n = f"n={row.estimate.n}"
                axes.text(1.01, y, n, transform=axes.get_yaxis_transform(), va="center", color=MUTED)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    ends = [end for e in estimates for end in (e.low, e.high, e.value, 0.0) if end is not None]
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    room = 0.06 * (high - low) or 0.01
    axes.set_xlim(low - room, high + room)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.grid(axis="x")
    between = [y + 0.5 for y in range(len(rows) - 1)]
    axes.hlines(between, 0, 1, color=GRID, linewidth=0.6, transform=axes.get_yaxis_transform(), zorder=0)
    hide_axis_ticks(axes, left=False)
    n = f"n = {counts.pop()}" if len(counts) == 1 else ""
    axes.set_xlabel(f"{xlabel} ({n})" if xlabel and n else xlabel or n)


def _point(axes: Axes, y: int, estimate: Estimate, *, strong: bool) -> None:
    """A value with its interval; hollow where that includes zero."""
    low, high = estimate.low, estimate.high
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=ACCENT, linewidth=1.8, solid_capstyle="butt", zorder=2)
    axes.plot(
        [estimate.value],
        [y],
        marker="D" if strong else "o",
        markersize=6,
        color=ACCENT,
        linestyle="none",
        zorder=3,
        markerfacecolor=SURFACE if low is not None and not estimate.excludes_zero else ACCENT,
        markeredgewidth=1.5,
    )


def _short(value: float) -> str:
    text = format_difference(value)
    return text.rstrip("0").rstrip(".") if float(text.replace("−", "-")) else "0"


def _height(labels: Sequence[str]) -> float:
    """Inches for rows, all as high as the one with the most lines."""
    lines = max(label.count("\n") + 1 for label in labels)
    return len(labels) * (0.13 + 0.17 * lines)
