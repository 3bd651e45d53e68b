"""The figures of a report, as SVG and PNG for screens, and as PDF for a paper."""

from __future__ import annotations

from typing import Final

from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.figures.calibration import calibration
from raysat.reporting.figures.changed import newly_right, newly_wrong
from raysat.reporting.figures.classes import classes
from raysat.reporting.figures.confusion import confusion
from raysat.reporting.figures.curves import curves
from raysat.reporting.figures.factorial import interactions, variance
from raysat.reporting.figures.forest import combinations, differences, main_effects
from raysat.reporting.figures.importance import importance
from raysat.reporting.figures.occlusion import occlusion
from raysat.reporting.figures.page import SCREEN, Page
from raysat.reporting.figures.places import error_correlation, near_training
from raysat.reporting.figures.robustness import robustness, severity_curves
from raysat.reporting.figures.style import RenderedFigure, style
from raysat.reporting.figures.temperature import risk_coverage, temperature
from raysat.reporting.figures.tradeoff import tradeoff

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
    "newly-right": newly_right,
    "newly-wrong": newly_wrong,
    "occlusion": occlusion,
    "importance": importance,
    "calibration": calibration,
    "robustness": robustness,
    "robustness-severity": severity_curves,
    "near-training": near_training,
    "error-correlation": error_correlation,
    "temperature": temperature,
    "risk-coverage": risk_coverage,
}
FIGURES: Final = tuple(_MAKERS)  # their names


def draw(analysis: Analysis, target: Page = SCREEN) -> tuple[RenderedFigure, ...]:
    """Draw all figures in reading order; those without data are left out.

    Args:
        analysis: what to draw.
        target: what to draw for.
    """
    with style(target):
        figures = [make(analysis) for make in _MAKERS.values()]
    return tuple(figure for figure in figures if figure is not None)
