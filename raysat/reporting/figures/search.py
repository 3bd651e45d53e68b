"""What a search found, as a picture: how far it came, and what each parameter did."""

from __future__ import annotations

import io
import math
from typing import Any, Final, assert_never

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from raysat.formatting import elide
from raysat.search.load import Search
from raysat.search.log import BASE, Candidate, Log
from raysat.study.distribution import Choice, Range
from raysat.study.parameter import Parameter

_BLUE, _GREY, _RED, _BLACK = "#0072b2", "#8c8c8c", "#d55e00", "#222222"  # apart for the colour-blind too
_COLUMNS: Final = 4
_WIDE: Final = 18  # characters of a choice below its axis
_MARGIN: Final = 0.05  # of an axis's width, on both sides
_STOPPED: Final = "stopped early, at its last epoch"


def search_png(search: Search, log: Log) -> bytes:
    """Draw val balanced accuracy against the order of candidates with the running best, and against each parameter."""
    rows = math.ceil(len(search.parameters) / _COLUMNS)
    figure = Figure(figsize=(12, 4 + 2.8 * rows), layout="constrained")
    grid = figure.add_gridspec(1 + rows, _COLUMNS, height_ratios=[1.4, *[1.0] * rows])
    course = figure.add_subplot(grid[0, :])
    _course(course, log)
    for position, parameter in enumerate(search.parameters):
        panel = figure.add_subplot(grid[1 + position // _COLUMNS, position % _COLUMNS], sharey=course)
        _panel(panel, parameter, log)
        if position % _COLUMNS == 0:
            panel.set_ylabel("val balanced accuracy")
    val = log.patches["val"]
    figure.suptitle(f"{log.study}: balanced accuracy on val ({val:,} patches), one training seed", fontsize=12)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _course(axes: Axes, log: Log) -> None:
    best: list[float] = []
    for candidate in log.candidates:
        scores = [*best[-1:], *([candidate.val.balanced_accuracy] if candidate.val else [])]
        best.append(max(scores, default=math.nan))
        _mark(axes, candidate.number, candidate)
    numbers = [candidate.number for candidate in log.candidates]
    ends = [*numbers, len(numbers) - 0.5], [*best, best[-1] if best else math.nan]  # the last step too can be seen
    axes.step(*ends, where="post", color=_BLUE, linewidth=1.2, zorder=1, label="best so far")
    base = next((candidate.val for candidate in log.candidates if candidate.number == BASE), None)
    if base:
        axes.axhline(base.balanced_accuracy, color=_BLACK, linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xlabel("candidate, in the order tried (0 is the base)")
    axes.set_ylabel("val balanced accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", linewidth=0.4, alpha=0.5)
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))  # one of each
    axes.legend(handles.values(), handles.keys(), loc="best", fontsize=8, frameon=False)


def _panel(axes: Axes, parameter: Parameter, log: Log) -> None:
    distribution = parameter.distribution
    for candidate in log.candidates:
        if candidate.params and parameter.name in candidate.params:
            param = candidate.params[parameter.name]
            _mark(axes, param if isinstance(distribution, Choice) else distribution.value(param), candidate)
    match distribution:
        case Choice(values=values):
            labels = [elide(parameter.label(n), _WIDE) for n in range(len(values))]
            axes.set_xticks(range(len(values)), labels, fontsize=8)
            axes.set_xlim(-0.5, len(values) - 0.5)
            if len(values) > 3:
                axes.tick_params(axis="x", rotation=30)
        case Range(kind="log_uniform", low=low, high=high):
            axes.set_xscale("log")
            margin = (high / low) ** _MARGIN
            axes.set_xlim(low / margin, high * margin)
        case Range(low=low, high=high):
            axes.set_xlim(low - (high - low) * _MARGIN, high + (high - low) * _MARGIN)
        case _:
            assert_never(distribution)
    axes.set_title(parameter.name + " (where it applies)" * (parameter.condition is not None), fontsize=9)
    axes.grid(axis="y", linewidth=0.4, alpha=0.5)


def _mark(axes: Axes, x: float, candidate: Candidate) -> None:
    """Mark one candidate; one without a score stands at the foot."""
    style: dict[str, Any]
    match candidate.state:
        case "finished" if candidate.val:
            y, base = candidate.val.balanced_accuracy, candidate.number == BASE
            style = {"marker": "D" if base else "o", "color": _BLACK if base else _BLUE, "s": 34 if base else 26}
            axes.scatter([x], [y], label="base" if base else "finished", zorder=3, **style)
        case "stopped" if candidate.curve:
            style = {"marker": "o", "facecolors": "none", "edgecolors": _GREY, "s": 22}
            axes.scatter([x], [candidate.curve[-1]], label=_STOPPED, zorder=2, **style)
        case "failed":
            transform = axes.get_xaxis_transform()
            axes.scatter([x], [0.03], marker="x", color=_RED, s=26, label="failed", transform=transform, zorder=3)
