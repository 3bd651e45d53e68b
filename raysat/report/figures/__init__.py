"""The figures of a report, as SVG and PNG."""

from __future__ import annotations

from typing import Final

from raysat.report.analysis.findings import Findings
from raysat.report.figures.calibration import calibration
from raysat.report.figures.classes import classes
from raysat.report.figures.confusion import confusion
from raysat.report.figures.curves import curves
from raysat.report.figures.factorial import interactions, variance
from raysat.report.figures.forest import differences, main_effects, together
from raysat.report.figures.style import Drawing, style
from raysat.report.figures.tradeoff import tradeoff

__all__ = ["FIGURES", "Drawing", "draw"]

_MAKERS: Final = {  # in reading order
    "differences": differences,
    "tradeoff": tradeoff,
    "classes": classes,
    "main-effects": main_effects,
    "interactions": interactions,
    "together": together,
    "variance": variance,
    "curves": curves,
    "confusion": confusion,
    "calibration": calibration,
}
FIGURES: Final = tuple(_MAKERS)  # their names


def draw(findings: Findings) -> tuple[Drawing, ...]:
    """Draw all figures in reading order; those without data are left out."""
    with style():
        found = [make(findings) for make in _MAKERS.values()]
    return tuple(each for each in found if each is not None)
