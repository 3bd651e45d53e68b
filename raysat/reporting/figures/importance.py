"""What arms lose where bands are permuted: a row for each band and group of bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from raysat.formatting import elide, one_line, plural
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.importance import ALL_BANDS, ArmImportance, BandLoss
from raysat.reporting.figures.caption import Caption
from raysat.reporting.figures.page import page
from raysat.reporting.figures.style import (
    GRID,
    MARKERS,
    MUTED,
    SERIES,
    RenderedFigure,
    hide_axis_ticks,
    new_figure,
    render,
)
from raysat.reporting.format.explanations import band_name, importance_arms, rarest_name
from raysat.reporting.format.sentences import arm_label

_LONGEST: Final = 30  # letters of a band
_INTERVALS: Final = "Lines are 95 % intervals over seeds and test patches"
_SPREAD: Final = 0.4  # of a row, over which its arms are spread


def importance(analysis: Analysis) -> RenderedFigure | None:
    """Draw the loss of balanced accuracy and of the rarest class's recall; None where it was not evaluated."""
    arms = importance_arms(analysis)
    if not arms:
        return None
    rows = list({_key(loss): loss for arm in arms for loss in arm.losses}.values())
    largest = sorted(rows, key=lambda row: _largest(arms, row), reverse=True)[: page().rows]
    few = "" if len(largest) == len(rows) else f" Shown: the {page().rows} largest losses of {len(rows)}."
    rows = [row for row in rows if row in largest]
    rows.sort(key=lambda row: (row.name == ALL_BANDS, len(row.bands) > 1))  # bands, groups of them, and all
    high = len(rows) * (0.2 + 0.09 * len(arms))
    figure = new_figure(1.7 + 2 * high if page().narrow else 1.3 + high)
    panels = figure.subplots(*((2, 1) if page().narrow else (1, 2)), sharey=True)
    for axes, title, key in zip(
        panels,
        ("balanced accuracy", f"recall of {elide(one_line(rarest_name(analysis)), 20)}"),
        ("balanced_accuracy", "rare_recall"),
        strict=True,
    ):
        _panel(axes, analysis, arms, rows, key)
        axes.set_title(title)
    panels[0].set_yticks(range(len(rows)), [elide(band_name(row), 18 if page().narrow else _LONGEST) for row in rows])
    figure.supxlabel("lost where the bands are another patch's", fontsize=9.5)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=2 if max(map(len, labels)) < (16 if page().narrow else 40) else 1,
    )
    bands = len({loss.name for arm in arms for loss in arm.losses if len(loss.bands) == 1})
    repeats = sorted({arm.repeats for arm in arms})
    seeds = sorted({len(arm.seeds) for arm in arms})
    return render(
        figure,
        "importance",
        title="What each band is worth",
        caption=Caption(
            shows="What is lost where a band's whole patch is that of another test patch, mean of "
            f"{plural(repeats[-1], 'permutation')}, the same for all arms and seeds "
            f"({analysis.board.n_test:,} patches)",
            look_for="groups that lose much more than any of their bands: these say the same, and one is missed little "
            "while the others are there. All bands: what guessing would cost",
            n=f"n = {plural(seeds[0], 'seed')}" if len(seeds) == 1 else f"n = {seeds[0]} to {seeds[-1]} seeds",
            interval=_INTERVALS if seeds[-1] > 1 else "One seed, so no interval",
            notes=f"Below zero: it does better without.{few}",
        ),
        alt=f"A row for each of {plural(bands, 'band')} and for groups of them, with the loss and its interval.",
    )


def _key(loss: BandLoss) -> tuple[str, ...]:
    """What shares a row: the same bands, and all bands of any arm."""
    return (ALL_BANDS,) if loss.name == ALL_BANDS else loss.bands


def _largest(arms: Sequence[ArmImportance], row: BandLoss) -> float:
    return max(loss.balanced_accuracy.value for arm in arms for loss in arm.losses if _key(loss) == _key(row))


def _panel(axes: Axes, analysis: Analysis, arms: Sequence[ArmImportance], rows: Sequence[BandLoss], key: str) -> None:
    places = {_key(row): y for y, row in enumerate(rows)}
    axes.axvline(0, color=MUTED, linewidth=1, zorder=1)
    for number, arm in enumerate(arms):
        points = []
        for loss in arm.losses:
            having = [other.arm for other in arms if any(_key(loss) == _key(each) for each in other.losses)]
            shift = _SPREAD * ((having.index(arm.arm) + 0.5) / len(having) - 0.5)
            if _key(loss) in places:
                points.append((places[_key(loss)] + shift, getattr(loss, key)))
        color = SERIES[number]
        for y, estimate in points:
            if estimate.low is not None:
                axes.plot([estimate.low, estimate.high], [y, y], color=color, linewidth=1.5, zorder=2)
        axes.plot(
            [estimate.value for _, estimate in points],
            [y for y, _ in points],
            marker=MARKERS[number],
            markersize=5,
            color=color,
            linestyle="none",
            zorder=3,
            label=elide(arm_label(analysis, arm.arm), 38 if page().narrow else 60),
        )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    single = sum(len(row.bands) == 1 for row in rows)
    for y in range(1, len(rows)):
        of_groups = y == single
        axes.axhline(y - 0.5, color=MUTED if of_groups else GRID, linewidth=0.8 if of_groups else 0.6, zorder=0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x")
    hide_axis_ticks(axes, left=False)
