"""Forest plots: differences with their intervals beside a line at zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from raysat.formatting import plural
from raysat.report.analysis.collect import one_line
from raysat.report.analysis.findings import Findings
from raysat.report.analysis.paired import Estimate
from raysat.report.analysis.ranking import LOWER_IS_BETTER, RULE
from raysat.report.figures.names import MARKS, MOST_ROWS, Label, label, left_out, shown, wrap, write_rows
from raysat.report.figures.style import ACCENT, GRID, INK, MUTED, SURFACE, Drawing, canvas, drawing, quiet
from raysat.report.format.numbers import format_difference
from raysat.report.format.sentences import measure_label


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a forest plot."""

    label: Label
    estimate: Estimate | None  # None for what the others are compared with, and where there is nothing to compare
    reference: bool = False
    hollow: bool = False  # not apart from what it is compared with
    strong: bool = False


def differences(findings: Findings) -> Drawing | None:
    """Every arm against the best and against the baseline; None where nothing can be compared."""
    measure = findings.measure
    arms = shown(findings, MOST_ROWS)
    sides = [("to the best", findings.best, findings.to_best)]
    if findings.baseline != findings.best:
        sides.append(("to the baseline", findings.baseline, findings.to_baseline))
    if not any(measure in each for _, _, of in sides for each in of.values()):
        return None
    labels = [label(findings, arm) for arm in arms]
    figure = canvas(1.1 + _height(labels))
    panels = figure.subplots(1, len(sides), sharey=True, squeeze=False)[0]
    what = measure_label(findings.board, measure)
    lower = ", lower is better" if measure in LOWER_IS_BETTER else ""
    for axes, (title, one, of) in zip(panels, sides, strict=True):
        rows = []
        for text, arm in zip(labels, arms, strict=True):
            estimate = of.get(arm.name, {}).get(measure)
            hollow = estimate is not None and estimate.low is not None and not estimate.clear
            rows.append(Row(label=text, estimate=estimate, reference=arm.name == one, hollow=hollow))
        forest(axes, rows, names=axes is panels[0])
        axes.set_title(title)
    if len(sides) > 1:
        figure.supxlabel(f"difference in {what}{lower}", fontsize=9.5)
    else:
        panels[0].set_xlabel(f"difference in {what}{lower} ({panels[0].get_xlabel()})".removesuffix(" ()"))
    several = findings.ranked[0].n > 1
    lines = "Lines are 95 % intervals; hollow points are those whose interval includes zero" if several else "One seed"
    tied = ", = marks arms tied with the best" * bool(findings.tied) if several else ": no interval can be given"
    return drawing(
        figure,
        "differences",
        title="Paired differences to the best and to the baseline"
        if len(sides) > 1
        else "Paired differences to the best",
        caption=f"Difference in {what}, seed by seed on the same {findings.board.n_test:,} patches. {lines}{tied}. "
        f"n counts pairs of seeds. {MARKS}{left_out(findings, arms)}",
        alt=f"A row for each of {plural(len(arms), 'arm')}, best first, with its difference and interval around zero.",
    )


def main_effects(findings: Findings) -> Drawing | None:
    """What each level does instead of its factor's first, on average over the rest."""
    if findings.effects is None:
        return None
    known = [effect for effect in findings.effects.main if RULE[0] in effect.estimates]
    if not known:
        return None
    rows = [_row(one_line(effect.label), effect.estimates[RULE[0]]) for effect in known[:MOST_ROWS]]
    figure = canvas(0.9 + _height([row.label for row in rows]))
    forest(figure.subplots(), rows, "change in balanced accuracy")
    more = f" Shown: {MOST_ROWS} of {len(known)}; the table has all." if len(known) > MOST_ROWS else ""
    over = "averaged over" if findings.effects.design.balanced else "adjusted for"
    return drawing(
        figure,
        "main-effects",
        title="Main effects on balanced accuracy",
        caption=f"What a level does instead of the first of its factor, {over} the other factors. Lines are 95 % "
        f"intervals, hollow where they include zero. n counts seeds.{more}",
        alt=f"A row for each of {plural(len(rows), 'effect')} with its interval around zero.",
    )


def together(findings: Findings) -> Drawing | None:
    """What combinations gain over each part of them, and what of it is beyond the sum of the parts."""
    found = findings.effects.together[:4] if findings.effects else ()
    if not found:
        return None
    groups = []
    for each in found:
        gains = [(f"over {one_line(part.label)}", part.gain[RULE[0]]) for part in each.subsets if RULE[0] in part.gain]
        rows = [_row(text, estimate) for text, estimate in gains]
        if RULE[0] in each.synergy:
            rows.append(_row("beyond the sum of its parts", each.synergy[RULE[0]], strong=True))
        groups.append((each, rows))
    heights = [_height([row.label for row in rows]) + 0.35 for _, rows in groups]
    figure = canvas(0.7 + sum(heights))
    panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (each, rows) in zip(panels, groups, strict=True):
        forest(axes, rows, "gain in balanced accuracy" if axes is panels[-1] else "")
        axes.set_title("\n".join(wrap(one_line(each.label), 50, 2)))
    return drawing(
        figure,
        "together",
        title="Combinations against their parts",
        caption="What the whole combination gains in balanced accuracy over each part of it, and its synergy: the gain "
        "beyond the sum of what its parts gain alone (diamond). Lines are 95 % intervals, hollow where they include "
        "zero.",
        alt="A row for each part of a combination with the gain over it and its interval around zero.",
    )


def forest(axes: Axes, rows: Sequence[Row], xlabel: str = "", *, names: bool = True) -> None:
    """Draw rows from the top down, with n at the right where it differs, else below."""
    estimates = [row.estimate for row in rows if row.estimate is not None]
    counts = {estimate.n for estimate in estimates}
    axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
    for y, row in enumerate(rows):
        if row.reference:
            axes.plot([0], [y], marker="|", markersize=11, markeredgewidth=2, color=INK, zorder=3)
        if row.estimate is None:
            continue
        e = row.estimate
        if e.low is not None and e.high is not None:
            axes.plot([e.low, e.high], [y, y], color=ACCENT, linewidth=1.8, solid_capstyle="butt", zorder=2)
        axes.plot(
            [e.value],
            [y],
            marker="D" if row.strong else "o",
            markersize=6,
            color=ACCENT,
            linestyle="none",
            zorder=3,
            markerfacecolor=SURFACE if row.hollow else ACCENT,
            markeredgewidth=1.5,
        )
        if len(counts) > 1:
            axes.text(1.01, y, f"n={e.n}", transform=axes.get_yaxis_transform(), va="center", color=MUTED)
    axes.set_yticks([])
    if names:
        write_rows(axes, [row.label for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    ends = [end for e in estimates for end in (e.low, e.high, e.value, 0.0) if end is not None]
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    room = 0.06 * (high - low) or 0.01
    axes.set_xlim(low - room, high + room)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.grid(axis="x")
    axes.hlines(
        [y + 0.5 for y in range(len(rows) - 1)],
        0,
        1,
        color=GRID,
        linewidth=0.6,
        transform=axes.get_yaxis_transform(),
        zorder=0,
    )
    quiet(axes, left=False)
    n = f"n = {counts.pop()}" if len(counts) == 1 else ""
    axes.set_xlabel(f"{xlabel} ({n})" if xlabel and n else xlabel or n)


def _short(value: float) -> str:
    text = format_difference(value)
    return text.rstrip("0").rstrip(".") if float(text.replace("−", "-")) else "0"


def _row(text: str, estimate: Estimate, *, strong: bool = False) -> Row:
    return Row(
        label=Label(text="\n".join(wrap(text, 38, 2))),
        estimate=estimate,
        hollow=estimate.low is not None and not estimate.clear,
        strong=strong,
    )


def _height(labels: Sequence[Label]) -> float:
    """Inches for rows, all as high as the one with the most lines."""
    lines = max(each.text.count("\n") + 1 for each in labels)
    return len(labels) * (0.13 + 0.17 * lines)
