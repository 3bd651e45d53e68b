"""The figures of a report, as SVG and PNG."""

from __future__ import annotations

from typing import Final

from raysat.report.analysis.analyze import Analysis
from raysat.report.figures.calibration import calibration
from raysat.report.figures.classes import classes
from raysat.report.figures.confusion import confusion
from raysat.report.figures.curves import curves
from raysat.report.figures.factorial import interactions, variance
from raysat.report.figures.forest import combinations, differences, main_effects
from raysat.report.figures.style import RenderedFigure, style
from raysat.report.figures.tradeoff import tradeoff

__all__ = ["FIGURES", "RenderedFigure", "draw"]

_MAKERS: Final = {  # in reading order
    "differences": differences,
    "tradeoff": tradeoff,
    "classes": classes,
    "main-effects": main_effects,
    "interactions": interactions,
    "combination": combinations,
    "variance": variance,
    "curves": curves,
    "confusion": confusion,
    "calibration": calibration,
}
FIGURES: Final = tuple(_MAKERS)  # their names


def draw(analysis: Analysis) -> tuple[RenderedFigure, ...]:
    """Draw all figures in reading order; those without data are left out."""
    with style():
        figures = [make(analysis) for make in _MAKERS.values()]
    return tuple(figure for figure in figures if figure is not None)
