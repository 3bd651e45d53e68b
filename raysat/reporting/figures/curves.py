"""Learning curves of the best arms and the baseline: the mean over seeds, and all seeds' range as a band."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from raysat.formatting import elide, plural
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.curves import Floats
from raysat.reporting.figures.caption import Caption
from raysat.reporting.figures.names import MARKS, marked, seeds, shown
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import DASHES, INK, SERIES, RenderedFigure, new_figure, render

_MOST: Final = 6  # as many as there are colours
_MOST_LINEAR: Final = 30  # losses that differ by a larger factor get a logarithmic axis


def curves(analysis: Analysis) -> RenderedFigure | None:
    """Draw balanced accuracy and loss over epochs; None where no arm has curves."""
    arms = [arm for arm in shown(analysis, _MOST) if arm.name in analysis.curves]
    if not arms:
        return None
    shape = (2, 1) if page().narrow else (1, 2)
    figure = new_figure(0.6 + 2.3 * shape[0] + 0.19 * len(arms))
    accuracy_axes, loss_axes = figure.subplots(*shape)
    handles, labels = [], []
    looks = zip(SERIES, DASHES, strict=True)
    for arm in arms:
        curve = analysis.curves[arm.name]
        look: dict[str, Any] = {"color": INK, "linestyle": "-", "linewidth": 2.4}
        if arm.name != analysis.baseline:
            color, dash = next(looks)
            look = {"color": color, "linestyle": dash, "linewidth": 1.6}
        _line(accuracy_axes, curve.epochs, curve.balanced_accuracy, look)
        _line(loss_axes, curve.epochs, curve.loss, look)
        handles.append(Line2D([], [], **look))
        labels.append(f"{arm.rank}  {elide(marked(analysis, arm), 34 if page().narrow else 84)}, n = {arm.n}")
    for axes, title in ((accuracy_axes, "balanced accuracy"), (loss_axes, "training loss")):
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y")
    losses = np.concatenate([analysis.curves[arm.name].loss.ravel() for arm in arms])
    if losses.min() > 0 and losses.max() / losses.min() > _MOST_LINEAR:
        loss_axes.set_yscale("log")
        loss_axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    figure.legend(handles, labels, loc="outside lower left", handlelength=2.6)
    several = any(arm.n > 1 for arm in arms)
    total = len(analysis.curves)
    which = "" if len(arms) == total else f" Shown: {len(arms)} of {total} arms, the first by rank and the baseline."
    return render(
        figure,
        "curves",
        title="Learning curves",
        caption=Caption(
            shows="Balanced accuracy and loss as recorded after every epoch",
            look_for="lines that still rise at the end, which more epochs would change, and bands that stay apart",
            n=seeds(arms),
            interval="Lines are means over seeds; bands reach from the lowest to the highest seed and are no intervals"
            if several
            else "One seed, so no interval",
            notes="Arms with averaged weights (SWA, EMA) show the training that these are taken from, not the average. "
            f"Losses of different kinds differ in scale. {MARKS}{which}",
        ),
        alt=f"Balanced accuracy and loss over epochs, a line for each of {plural(len(arms), 'arm')}.",
    )


def _line(axes: Axes, epochs: npt.NDArray[np.int64], values: Floats, look: dict[str, Any]) -> None:
    """Draw the mean over seeds of (S, E) values, and their range."""
    marker = "o" if len(epochs) < 3 else None
    axes.plot(epochs, values.mean(axis=0), marker=marker, markersize=5, **look)
    if len(values) > 1 and len(epochs) > 1:
        low, high = values.min(axis=0), values.max(axis=0)
        axes.fill_between(epochs, low, high, color=look["color"], alpha=0.11, linewidth=0)
