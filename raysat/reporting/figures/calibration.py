"""Reliability diagrams: how often an arm is right where it says it is so sure."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes

from raysat.formatting import plural
from raysat.metrics.catalog import ECE
from raysat.metrics.probabilistic import BINS, Reliability
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.figures.caption import SUMS_ONLY, Caption
from raysat.reporting.figures.names import MARKS, left_out, marked, seeds, shown, wrap
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import ACCENT, INK, MUTED, WARN, RenderedFigure, new_figure, render

_MOST: Final = 8
_LEFT, _FOOT = 0.6, 0.5  # inches of margin
_WIDE, _HIGH = 2.3, 2.4  # inches of a panel with all that is around it


def calibration(analysis: Analysis) -> RenderedFigure | None:
    """Draw accuracy by confidence over all patches and seeds of an arm, and where its patches are."""
    arms = [
        arm for arm in shown(analysis, 5 if page().narrow else _MOST) if arm.name in analysis.predictions.reliability
    ]
    if not arms:
        return None
    columns = min(2 if page().narrow else 3, max(2, len(arms)))
    rows = math.ceil(len(arms) / columns)
    wide = min(_WIDE, (page().width - _LEFT) / columns)
    width, height = _LEFT + columns * wide, rows * _HIGH + _FOOT
    figure = new_figure(height, width)
    figure.set_layout_engine("none")
    for place, arm in enumerate(arms):
        row, column = divmod(place, columns)
        x, y = _LEFT + column * wide, height - (row + 1) * _HIGH  # of the foot of a place; inches
        foot = figure.add_axes((x / width, y / height, (wide - 0.22) / width, 0.34 / height))
        panel = figure.add_axes((x / width, (y + 0.4) / height, (wide - 0.22) / width, 1.5 / height), sharex=foot)
        _bars(panel, foot, analysis.predictions.reliability[arm.name])
        title = wrap(f"{arm.rank}  {marked(analysis, arm)}", int(11.8 * wide))
        panel.set_title(title, fontsize=9.5, fontweight="normal", pad=4)
        if (ece := arm.metrics[ECE].mean) is not None:
            panel.text(0.04, 0.95, f"ECE {ece:.3f}", va="top", transform=panel.transAxes)
        panel.tick_params(labelbottom=False, labelleft=column == 0)
        foot.tick_params(labelbottom=place + columns >= len(arms))
        if column == 0:
            panel.set_ylabel("accuracy")
        if place + columns >= len(arms):
            foot.set_xlabel("confidence")
    return render(
        figure,
        "calibration",
        title="Reliability",
        caption=Caption(
            shows=f"Accuracy of patches by the confidence of their predicted class, in {BINS} bins; below, the share "
            "of patches in each bin",
            look_for="orange: more confident than right (pale blue: more often right than confident); on the diagonal "
            "confidence is earned",
            n=seeds(arms),
            interval=SUMS_ONLY,
            notes=MARKS + left_out(analysis, arms),
        ),
        alt=f"{plural(len(arms), 'panel')} of bars along a diagonal, with the expected calibration error of each.",
    )


def _bars(panel: Axes, foot: Axes, bins: Reliability) -> None:
    edges = np.arange(BINS) / BINS
    held = bins.patches > 0
    accuracy = bins.correct[held] / bins.patches[held]
    confidence = bins.confidence[held] / bins.patches[held]
    low, gap = np.minimum(accuracy, confidence), np.abs(accuracy - confidence)
    colors = np.where(confidence > accuracy, WARN, ACCENT).tolist()
    bar: dict[str, Any] = {"width": 0.92 / BINS, "align": "edge", "linewidth": 0}
    panel.bar(edges[held], low, color=ACCENT, alpha=0.6, **bar)
    panel.bar(edges[held], gap, bottom=low, color=colors, alpha=0.35, **bar)
    panel.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 2)))
    foot.bar(edges, bins.patches / max(1, bins.patches.sum()), color=MUTED, **bar)
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1)
    panel.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    panel.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    foot.set_ylim(0, 1)
    foot.set_yticks([])
