"""Learning curves of the best arms and the baseline: the mean over seeds, and all seeds' range as a band."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from raysat.formatting import plural
from raysat.report.analysis.findings import CURVES, Curve, Findings
from raysat.report.figures.names import MARKS, elide, marked, shown
from raysat.report.figures.style import DASHES, INK, SERIES, Drawing, canvas, drawing

_MOST: Final = 6  # as many as there are colours
_LABELS: Final = {"balanced_accuracy": "balanced accuracy", "loss": "training loss"}


def curves(findings: Findings) -> Drawing | None:
    """Draw balanced accuracy and loss over epochs; None where no arm has curves."""
    arms = [arm for arm in shown(findings, _MOST) if arm.name in findings.curves]
    if not arms:
        return None
    figure = canvas(2.9 + 0.19 * len(arms))
    panels = figure.subplots(1, len(CURVES))
    handles, labels = [], []
    color = iter(SERIES)
    dash = iter(DASHES)
    for arm in arms:
        base = arm.name == findings.baseline
        look: dict[str, Any] = (
            {"color": INK, "linestyle": "-", "linewidth": 2.4}
            if base
            else {
                "color": next(color),
                "linestyle": next(dash),
                "linewidth": 1.6,
            }
        )
        for axes, what in zip(panels, CURVES, strict=True):
            _line(axes, findings.curves[arm.name], what, look)
        handles.append(Line2D([], [], **look))
        labels.append(f"{arm.rank}  {elide(marked(findings, arm), 84)}, n = {arm.n}")
    for axes, what in zip(panels, CURVES, strict=True):
        axes.set_title(_LABELS[what])
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")
    lows = np.concatenate([findings.curves[arm.name].values["loss"].ravel() for arm in arms])
    if lows.min() > 0 and lows.max() / lows.min() > 30:
        panels[CURVES.index("loss")].set_yscale("log")
        panels[CURVES.index("loss")].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    figure.legend(handles, labels, loc="outside lower left", handlelength=2.6)
    several = any(arm.n > 1 for arm in arms)
    total = len(findings.curves)
    which = "" if len(arms) == total else f" Shown: {len(arms)} of {total} arms, the first by rank and the baseline."
    return drawing(
        figure,
        "curves",
        title="Learning curves",
        caption="Balanced accuracy and loss as recorded after every epoch; "
        + ("lines are means over seeds, bands reach from the lowest to the highest seed. " if several else "one seed. ")
        + "Arms with averaged weights (SWA, EMA) show the training that these are taken from, not the average. "
        + f"Losses of different kinds differ in scale. {MARKS}{which}",
        alt=f"Balanced accuracy and loss over epochs, a line for each of {plural(len(arms), 'arm')}.",
    )


def _line(axes: Axes, curve: Curve, what: str, look: dict[str, Any]) -> None:
    values = curve.values[what]
    marker = "o" if len(curve.epochs) < 3 else None
    axes.plot(curve.epochs, values.mean(axis=0), marker=marker, markersize=5, **look)
    if len(values) > 1 and len(curve.epochs) > 1:
        low, high = values.min(axis=0), values.max(axis=0)
        axes.fill_between(curve.epochs, low, high, color=look["color"], alpha=0.11, linewidth=0)
