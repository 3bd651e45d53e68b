"""Power against seeds: a panel for each metric, a line for each difference."""

from __future__ import annotations

from typing import Final

from raysat.formatting import one_line, plural
from raysat.metrics.catalog import Metric
from raysat.reporting.analysis.study_power import StudyPower
from raysat.reporting.figures.caption import Caption
from raysat.reporting.figures.names import wrap
from raysat.reporting.figures.style import INK, MUTED, RenderedFigure, new_figure, render, style

_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c8c8c")  # apart for the colour-blind too
_LINES: Final = ("solid", "dashed", "dashdot", "dotted", (0, (1, 3)))
_PANEL: Final = 1.9  # inches


def draw_power(found: StudyPower) -> RenderedFigure:
    """Draw the chance to see each difference with so many seeds."""
    with style():
        return _draw(found)


def _draw(found: StudyPower) -> RenderedFigure:
    design, axis = found.design, found.seed_axis
    effects = found.effects[: len(_COLOURS)]
    figure = new_figure(0.9 + _PANEL * len(found.metrics))
    panels = figure.subplots(len(found.metrics), 1, sharex=True, squeeze=False)[:, 0]
    for axes, metric, each in zip(panels, found.metrics, found.visible, strict=True):
        for place, chance in enumerate(each.chances[: len(effects)]):
            if not chance.possible:
                continue
            power = [100 * found.power(metric, chance.effect, seeds) for seeds in axis]
            axes.plot(axis, power, color=_COLOURS[place], linestyle=_LINES[place], label=f"{chance.effect:g}")
        axes.axhline(100 * found.wanted, color=MUTED, linewidth=0.8)
        axes.axvline(design.seeds, color=INK, linewidth=0.8, linestyle=":")
        axes.set_ylim(-2, 102)
        axes.set_ylabel("power, %")
        axes.set_title(wrap(_name(metric, found), 70))
        axes.grid()
    panels[-1].set_xlabel("seeds of every arm")
    handles = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if handles:
        figure.legend(handles.values(), handles.keys(), title="true difference", loc="outside lower left", ncols=3)
    left = f" Drawn: the first {len(effects)} differences." if len(effects) < len(found.effects) else ""
    return render(
        figure,
        "power",
        title="Power against seeds",
        caption=Caption(
            shows="The chance that a report sees a true difference, with so many seeds",
            look_for=f"where a line passes the grey one, {100 * found.wanted:.0f} %; the dotted one is at "
            f"{plural(design.seeds, 'seed')}. Lines that stay low are limited by the test patches",
            n=f"n = {sum(design.patches.sizes):,} test patches, {plural(design.arms, 'arm')}",
            interval="Computed, not measured",
            notes=left.strip(),
        ),
        alt=f"{plural(len(found.metrics), 'panel')} with power from 0 to 100 % against seeds.",
    )


def _name(metric: Metric, found: StudyPower) -> str:
    if metric.class_index is None:
        return metric.label
    return f"recall of {one_line(found.design.classes[metric.class_index])}"
