"""What corruptions cost each arm: a table whose cells are darker where more is lost, and curves over severity."""

from __future__ import annotations

import math
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from raysat.data.corruptions import CORRUPTIONS, SEVERITIES
from raysat.formatting import NONE, elide, plural
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import Arm
from raysat.reporting.analysis.robustness import Robustness
from raysat.reporting.figures.caption import MEANS_ONLY, Caption, seeds_and_patches
from raysat.reporting.figures.names import MARKS, marked, row_label, wrap
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import (
    ACCENT,
    MUTED,
    SURFACE,
    WARN,
    RenderedFigure,
    hide_axis_ticks,
    line_looks,
    new_figure,
    render,
    turned,
)

_MOST_LINES: Final = 6  # as many as there are colours
_DARKEST: Final = 0.3  # a loss of so much balanced accuracy, or more


def robustness(analysis: Analysis) -> RenderedFigure | None:
    """Draw what each arm loses under each corruption; None where none was evaluated."""
    if (found := analysis.later.robustness) is None:
        return None
    all_arms = _arms(analysis, found)
    arms, names = all_arms[: page().rows], list(found.under)
    labels = [row_label(analysis, arm, narrow=18) for arm in arms]
    figure = new_figure(len(arms) * (0.36 if any("\n" in label for label in labels) else 0.27) + 1.6)
    axes = figure.subplots()
    for y, arm in enumerate(arms):
        cells = [found.overall.get(arm.name, {}).get(BALANCED_ACCURACY)]
        cells += [
            found.under[name][arm.name].drop.get(BALANCED_ACCURACY) if arm.name in found.under[name] else None
            for name in names
        ]
        for x, drop in enumerate(cells):
            _cell(axes, x, y, drop)
    axes.set_xlim(-0.5, len(names) + 0.5)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    for y in range(1, len(arms)):
        axes.axhline(y - 0.5, color=SURFACE, linewidth=1.2)
    axes.axvline(0.5, color=SURFACE, linewidth=4)
    titles = ["all", *(CORRUPTIONS[name].title for name in names)]
    axes.set_xticks(range(len(titles)), titles, **turned(upright=False))
    axes.set_yticks(range(len(arms)), labels)
    hide_axis_ticks(axes, left=False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    return render(
        figure,
        "robustness",
        title="What corruptions cost",
        caption=Caption(
            shows="Balanced accuracy under a corruption minus that of the same models without, in points of a hundred, "
            f"mean over {_severities(found)}; darker where more is lost, blue where something is gained",
            look_for="rows that stay pale where the baseline's are dark",
            n=seeds_and_patches([_seeds(found, arm) for arm in arms], found.patches),
            interval=MEANS_ONLY,
            notes=MARKS + (f" Shown: the first {len(arms)} of {len(all_arms)} arms." if arms != all_arms else ""),
        ),
        alt=f"A table of {plural(len(arms), 'arm')} by {plural(len(names), 'corruption')}.",
    )


def severity_curves(analysis: Analysis) -> RenderedFigure | None:
    """Draw balanced accuracy over severity, a panel for each corruption; None where none was evaluated."""
    if (found := analysis.later.robustness) is None:
        return None
    every = _arms(analysis, found)
    arms = [arm for place, arm in enumerate(every) if place < _MOST_LINES or arm.name == analysis.baseline]
    names = list(found.under)
    columns = min(3 if page().narrow else 5, len(names))
    rows = math.ceil(len(names) / columns)
    width = page().width if columns > 2 or page().narrow else 3.2 * columns + 0.6
    figure = new_figure(rows * 1.75 + 0.5 + 0.19 * len(arms), width)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    looks, handles, labels = line_looks([arm.name for arm in arms], analysis.baseline), [], []
    for arm in arms:
        handles.append(Line2D([], [], **looks[arm.name]))
        labels.append(
            f"{arm.rank}  {elide(marked(analysis, arm), 34 if page().narrow else 84)}, n = {_seeds(found, arm)}"
        )
    for axes, name in zip(panels, names, strict=False):
        for arm in arms:
            if (under := found.under[name].get(arm.name)) is not None:
                points = {s: each[BALANCED_ACCURACY] for s, each in under.by_severity.items()}
                _line(axes, points, looks[arm.name])
        title = CORRUPTIONS[name].title
        axes.set_title(wrap(title, 16) if page().narrow else title, fontsize=9.5, fontweight="normal")
        axes.set_xticks(range(SEVERITIES + 1))
        axes.set_xlim(-0.2, SEVERITIES + 0.2)
        axes.grid(axis="y")
    for spare in panels[len(names) :]:
        spare.set_axis_off()
    for place, axes in enumerate(panels[: len(names)]):  # numbers below where the place below is empty
        axes.tick_params(labelbottom=place + columns >= len(names))
        if place + columns >= len(names):
            axes.set_xlabel("severity")
    figure.supylabel("balanced accuracy", fontsize=9.5)
    figure.legend(handles, labels, loc="outside lower left", handlelength=2.6)
    which = "" if arms == every else f" Shown: {len(arms)} of {len(every)} arms, the first by rank and the baseline."
    return render(
        figure,
        "robustness-severity",
        title="Balanced accuracy by severity",
        caption=Caption(
            shows="Balanced accuracy at each severity of a corruption; 0 is without",
            look_for="lines that cross: an arm that leads without a corruption and not with it",
            n=seeds_and_patches([_seeds(found, arm) for arm in arms], found.patches),
            interval="Lines are means over seeds, bands their 95 % intervals, seeds and patches being random",
            notes=MARKS + which,
        ),
        alt=f"{plural(len(names), 'panel')} of falling lines, one for each of {plural(len(arms), 'arm')}.",
    )


def _cell(axes: Axes, x: int, y: int, drop: Estimate | None) -> None:
    value = None if drop is None else drop.value
    if value is not None:
        shade = 0.62 * min(1.0, abs(value) / _DARKEST) ** 0.7  # small losses are apart too
        color = WARN if value < 0 else ACCENT
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=color, alpha=shade, edgecolor="none"))
    text = NONE if value is None else f"{100 * value:+.0f}".replace("-", "−").replace("+0", "0").replace("−0", "0")
    axes.text(x, y, text, ha="center", va="center", color=MUTED if value is None else None, fontsize=9)


def _line(axes: Axes, points: dict[int, Estimate], look: dict[str, Any]) -> None:
    at, estimates = list(points), list(points.values())
    axes.plot(at, [each.value for each in estimates], marker="o", markersize=3, **look)
    ends = [(s, each.low, each.high) for s, each in points.items() if each.low is not None and each.high is not None]
    if ends:
        x, low, high = map(list, zip(*ends, strict=True))
        axes.fill_between(x, low, high, color=look["color"], alpha=0.11, linewidth=0)


def _arms(analysis: Analysis, found: Robustness) -> list[Arm]:
    return [arm for arm in analysis.ranked if arm.name in found.arms]


def _seeds(found: Robustness, arm: Arm) -> int:
    return min(len(of_arm[arm.name].seeds) for of_arm in found.under.values() if arm.name in of_arm)


def _severities(found: Robustness) -> str:
    different = {", ".join(map(str, severities)) for severities in found.severities.values()}
    return f"severities {different.pop()}" if len(different) == 1 else "the severities that were evaluated"
