"""Accuracy against balanced accuracy, an arm a mark: who pays for the rare classes, and with what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from raysat.formatting import elide, plural
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.model import Arm
from raysat.reporting.figures.caption import MEANS_ONLY, Caption
from raysat.reporting.figures.names import seeds, shown
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import ACCENT, GRID, INK, MUTED, SURFACE, RenderedFigure, new_figure, render

_ALL_NAMED: Final = 30  # with more arms, those at the top alone
_TOP: Final = 10
_HIGH, _LOW = 4.2, 3.1  # inches of the axes, on a page and in a column
_LINE: Final = 0.172  # inches of a line of the key
_AROUND: Final = [  # where a label may stand, the nearest first; points from its mark
    (radius * float(np.cos(angle)), radius * float(np.sin(angle)))
    for radius in (11, 19, 28, 38)
    for angle in np.deg2rad([45, 0, 90, 135, -45, 180, -90, -135])
]


def tradeoff(analysis: Analysis) -> RenderedFigure:
    """Draw the paper's Figure 2: the wished-for corner is at the top right."""
    arms = analysis.ranked
    named = shown(analysis, len(arms) if len(arms) <= _ALL_NAMED else _TOP)
    points = np.array([[arm.metrics[ACCURACY].mean, arm.metrics[BALANCED_ACCURACY].mean] for arm in arms], float)
    width, columns, high = page().width, 1 if page().narrow else 2, _LOW if page().narrow else _HIGH
    rows = -(-len(named) // columns)
    height = high + 0.95 + (rows + 1.5) * _LINE
    figure = new_figure(height)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.65 / width, 1 - (high + 0.3) / height, (width - 0.8) / width, high / height))
    _limits(axes, points)
    axes.axline((0, 0), slope=1, color=GRID, linewidth=1.2, zorder=0)
    axes.text(1, 1.012, "better ↗", transform=axes.transAxes, ha="right", va="bottom", color=MUTED)
    for arm, (x, y) in zip(arms, points, strict=True):
        axes.plot([x], [y], linestyle="none", zorder=3, alpha=0.9, **_mark(analysis, arm))
    where = [place for place, arm in enumerate(arms) if arm in named]
    _labels(figure, axes, points, where, [str(arms[place].rank) for place in where])
    axes.set_xlabel("accuracy")
    axes.set_ylabel("balanced accuracy")
    axes.grid()
    _key(figure, named, columns, top=1 - (high + 0.85) / height, step=_LINE / height)
    rest = "" if len(named) == len(arms) else f" Of {len(arms)} arms the first {_TOP} and the baseline are named."
    return render(
        figure,
        "tradeoff",
        title="Accuracy against balanced accuracy",
        caption=Caption(
            shows="Accuracy and balanced accuracy of every arm, named by rank",
            look_for="arms at the top right, where both are high; on the grey line both are equal, and far below it "
            "rare classes are left behind",
            n=seeds(arms),
            interval=MEANS_ONLY,
            notes=f"Pareto: no other arm beats it on both balanced accuracy and ICV.{rest}",
        ),
        alt=f"{plural(len(arms), 'arm')} as points; the first by rank has accuracy {points[0, 0]:.3f} and balanced "
        f"accuracy {points[0, 1]:.3f}.",
    )


def _mark(analysis: Analysis, arm: Arm) -> dict[str, Any]:
    baseline, best = arm.name == analysis.baseline, arm.name in analysis.pareto
    return {
        "marker": "s" if baseline else "D" if best else "o",
        "markersize": 7 if len(analysis.ranked) <= 60 else 5,
        "markerfacecolor": ACCENT if best else SURFACE,
        "markeredgecolor": ACCENT if best else INK if baseline else MUTED,
        "markeredgewidth": 1.4,
    }


def _limits(axes: Axes, points: npt.NDArray[np.float64]) -> None:
    """The same scale on both axes would waste room: each has its own, with a margin for labels."""
    room = np.maximum(0.14 * np.ptp(points, axis=0), 0.01)
    (left, bottom), (right, top) = points.min(axis=0) - room, points.max(axis=0) + room
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def _labels(
    figure: Figure, axes: Axes, points: npt.NDArray[np.float64], where: Sequence[int], texts: Sequence[str]
) -> None:
    """Put each label at the nearest free place around its mark, in points of the page; with a line where it is far."""
    scale = 72 / figure.dpi
    marks = axes.transData.transform(points) * scale
    frame = np.asarray(axes.bbox.extents) * scale
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in marks]
    for place, text in zip(where, texts, strict=True):
        wide = 3.4 * len(text) + 1
        candidates = []
        for distance, offset in enumerate(_AROUND):
            x, y = marks[place] + offset
            box = (x - wide, y - 5, x + wide, y + 5)
            outside = box[0] < frame[0] or box[1] < frame[1] or box[2] > frame[2] or box[3] > frame[3]
            cost = sum(_overlap(box, other) for other in taken) + distance * 0.5 + 500 * outside
            candidates.append((cost, offset, box))
        _, best, box = min(candidates, key=lambda candidate: candidate[0])
        taken.append(box)
        far = np.hypot(*best) > 15
        line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4} if far else None
        axes.annotate(
            text, points[place], best, textcoords="offset points", ha="center", va="center", zorder=4, arrowprops=line
        )


def _overlap(one: Sequence[float], two: Sequence[float]) -> float:
    across = min(one[2], two[2]) - max(one[0], two[0])
    along = min(one[3], two[3]) - max(one[1], two[1])
    return max(0.0, across) * max(0.0, along)


def _key(figure: Figure, named: Sequence[Arm], columns: int, *, top: float, step: float) -> None:
    """What the marks mean, and the names behind the numbers in columns."""
    width = page().width
    plain: dict[str, Any] = {"linestyle": "none", "markersize": 7, "markeredgewidth": 1.4}
    marks = ("D", ACCENT, ACCENT), ("s", SURFACE, INK), ("o", SURFACE, MUTED)
    figure.legend(
        [Line2D([], [], marker=m, markerfacecolor=fill, markeredgecolor=edge, **plain) for m, fill, edge in marks],
        ["Pareto", "baseline", "other"],
        loc="center left",
        bbox_to_anchor=(0.01, top),
        ncols=3,
        handletextpad=0.1,
        columnspacing=1.2,
        borderpad=0,
    )
    rows = -(-len(named) // columns)
    for place, arm in enumerate(named):
        column, row = divmod(place, rows)
        x, y = 0.3 / width + 0.49 * column, top - (row + 1.3) * step
        figure.text(x, y, str(arm.rank), ha="right", va="center", fontweight="bold", fontsize=9)
        figure.text(x + 0.09 / width, y, elide(arm.label, 43), va="center", fontsize=9)
