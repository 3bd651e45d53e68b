"""Reliability before and after a temperature was fitted, and error by the share of patches that a model answers."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from raysat.formatting import elide, plural
from raysat.metrics.probabilistic import Reliability
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.calibrated import POINTS, Calibrated
from raysat.reporting.analysis.model import Arm
from raysat.reporting.figures.caption import MEANS_ONLY, SUMS_ONLY, Caption, seeds_and_patches
from raysat.reporting.figures.names import MARKS, marked, wrap
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import (
    ACCENT,
    MUTED,
    WARN,
    RenderedFigure,
    line_looks,
    new_figure,
    render,
)
from raysat.reporting.format.numbers import format_estimate

_MOST: Final = 6
_FEWEST: Final = 5  # patches of all seeds together, and
_LEAST: Final = 0.002  # of all: bins with fewer say little


def temperature(analysis: Analysis) -> RenderedFigure | None:
    """Draw reliability before and after in one panel an arm; None where no temperature was fitted."""
    if (found := analysis.later.calibrated) is None:
        return None
    every, arms = _arms(analysis, found)
    columns = min(2 if page().narrow else 3, max(2, len(arms)))
    rows = math.ceil(len(arms) / columns)
    wide = min(2.4, (page().width - 0.3) / columns)
    figure = new_figure(2.5 * rows + 0.5, wide * columns + 0.3)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, arm in zip(panels, arms, strict=False):
        each = found.arms[arm.name]
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 2)))
        _line(axes, each.before, WARN, "s", "-")
        _line(axes, each.after, ACCENT, "o", "-")
        title = wrap(f"{arm.rank}  {marked(analysis, arm)}", int(11.4 * wide))
        ece = f"ECE {each.ece[0].value:.3f} → {each.ece[1].value:.3f}"
        axes.set_title(f"{title}\n{ece}", fontsize=9.5, fontweight="normal")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.03)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
        axes.grid(axis="both")
    for spare in panels[len(arms) :]:
        spare.set_axis_off()
    for place, axes in enumerate(panels[: len(arms)]):
        axes.tick_params(labelbottom=place + columns >= len(arms))
        if place + columns >= len(arms):
            axes.set_xlabel("confidence")
    figure.supylabel("accuracy", fontsize=9.5)
    handles = [
        Line2D([], [], color=WARN, marker="s", markersize=3.5, linewidth=1.4),
        Line2D([], [], color=ACCENT, marker="o", markersize=3.5, linewidth=1.4),
    ]
    figure.legend(handles, ["before", "after"], loc="outside lower left", ncols=2)
    return render(
        figure,
        "temperature",
        title="Reliability before and after temperature scaling",
        caption=Caption(
            shows="Accuracy of patches by the confidence of their predicted class; bins of fewer "
            f"than {_FEWEST} are left out",
            look_for="blue nearer to the diagonal than orange; below it a model is surer than it is right",
            n=seeds_and_patches([len(found.arms[arm.name].seeds) for arm in arms], found.patches),
            interval=SUMS_ONLY,
            notes=MARKS + _which(every, arms),
        ),
        alt=f"{plural(len(arms), 'panel')} of two lines along a diagonal.",
    )


def risk_coverage(analysis: Analysis) -> RenderedFigure | None:
    """Draw error over coverage, a line for each arm; None where no temperature was fitted."""
    if (found := analysis.later.calibrated) is None:
        return None
    every, arms = _arms(analysis, found)
    figure = new_figure(3.0 + 0.19 * len(arms), min(5.4, page().width))
    axes = figure.subplots()
    looks = line_looks([arm.name for arm in arms], analysis.baseline)
    coverage, handles, labels = np.arange(1, POINTS + 1) / POINTS, [], []
    for arm in arms:
        each = found.arms[arm.name]
        axes.plot(100 * coverage, 100 * each.risk, **looks[arm.name])
        handles.append(Line2D([], [], **looks[arm.name]))
        name = elide(marked(analysis, arm), 24 if page().narrow else 58)
        labels.append(f"{arm.rank}  {name}, AURC {format_estimate(each.aurc, difference=False)}")
    axes.set_xlabel("patches answered, the surest first, %")
    axes.set_ylabel("errors among them, %")
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    figure.legend(handles, labels, loc="outside lower left", handlelength=2.6)
    return render(
        figure,
        "risk-coverage",
        title="Errors among the patches that a model is surest of",
        caption=Caption(
            shows="Share of errors among the patches with the highest confidence after temperature scaling, by how "
            "many these are",
            look_for="a line that falls steeply to the left: leaving out unsure patches leaves out errors",
            n=seeds_and_patches([len(found.arms[arm.name].seeds) for arm in arms], found.patches),
            interval=MEANS_ONLY,
            notes=MARKS + _which(every, arms),
        ),
        alt=f"{plural(len(arms), 'line')} that rise to the right.",
    )


def _line(axes: Axes, bins: Reliability, color: str, marker: str, style: str) -> None:
    held = bins.patches >= max(_FEWEST, _LEAST * bins.patches.sum())
    confidence, accuracy = bins.confidence[held] / bins.patches[held], bins.correct[held] / bins.patches[held]
    axes.plot(confidence, accuracy, color=color, marker=marker, markersize=3.5, linewidth=1.4, linestyle=style)


def _arms(analysis: Analysis, found: Calibrated) -> tuple[list[Arm], list[Arm]]:
    """All arms with a temperature, and those that are shown."""
    every = [arm for arm in analysis.ranked if arm.name in found.arms]
    return every, [arm for place, arm in enumerate(every) if place < _MOST or arm.name == analysis.baseline]


def _which(every: list[Arm], arms: list[Arm]) -> str:
    return "" if arms == every else f" Shown: {len(arms)} of {len(every)} arms, the first by rank and the baseline."
