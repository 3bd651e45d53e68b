"""The layers of a map: what each holds, in which numbers and colours."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.errors import UsageError
from raysat.inference.maps.cells import LEVELS, NODATA, CellRows, Floats

Colour = tuple[int, int, int]
Values = npt.NDArray[Any]
_PLAIN: Final = {"photometric": "MINISBLACK", "alpha": "NO"}  # else GDAL takes four classes for red, green, blue, alpha
# Okabe & Ito 2008: apart for the colour-blind too; then those of matplotlib's tab20, by Tableau.
_COLOURS: Final = (
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#f0e442",
    "#0072b2",
    "#d55e00",
    "#cc79a7",
    "#000000",
    "#1f77b4",
    "#aec7e8",
    "#ff7f0e",
    "#ffbb78",
    "#2ca02c",
    "#98df8a",
    "#d62728",
    "#ff9896",
    "#9467bd",
    "#c5b0d5",
    "#8c564b",
    "#c49c94",
)
_GOLDEN: Final = 0.61803398875  # steps of the hue by it never come back to where they were


def class_colours(count: int) -> list[Colour]:
    """Colours of classes, by label: 20 that are apart, then shades by golden steps of the hue."""
    named: list[Colour] = [(int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) for c in _COLOURS[:count]]
    for index in range(len(named), count):
        red, green, blue = colorsys.hsv_to_rgb(index * _GOLDEN % 1, 0.55, 0.8)
        named.append((round(255 * red), round(255 * green), round(255 * blue)))
    return named


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One file of a map."""

    name: str
    bands: tuple[str, ...]  # descriptions
    encode: Callable[[CellRows], Values]  # (bands, rows, columns) of its type
    half: bool = False  # float16, else uint8 of ``LEVELS`` + nodata
    scaled: bool = True  # whole numbers stand for [0, 1]
    resampling: str = "AVERAGE"  # of overviews

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.tif"

    @property
    def bytes(self) -> int:
        """Of a cell, before they are packed."""
        return len(self.bands) * (2 if self.half else 1)

    @property
    def options(self) -> dict[str, Any]:
        """How rasterio is to make its file."""
        if self.half:  # GDAL has no type of two bytes
            return {"dtype": "float32", "nodata": np.nan, "nbits": 16, **_PLAIN}
        return {"dtype": "uint8", "nodata": NODATA, **(_PLAIN if self.scaled else {})}


def map_layers(classes: Sequence[str], *, probabilities: str, models: int) -> list[Layer]:
    """Return the layers of a map.

    Args:
        classes: their names.
        probabilities: as ``uint8``, ``float16`` or ``none``.
        models: how many vote; one does not disagree.

    Raises:
        UsageError: there are more classes than a byte tells apart beside nodata.
    """
    if len(classes) > NODATA:
        raise UsageError(f"a map has at most {NODATA} classes, the models tell {len(classes)} apart")
    layers = [Layer(name="class", bands=("class",), encode=_classes, scaled=False, resampling="MODE")]
    if probabilities != "none":
        half = probabilities == "float16"
        encode = _half_probabilities if half else _probabilities
        layers.append(Layer(name="probabilities", bands=tuple(classes), encode=encode, half=half))
    layers.append(Layer(name="entropy", bands=("entropy",), encode=_entropy))
    if models > 1:
        layers.append(Layer(name="disagreement", bands=("disagreement",), encode=_disagreement))
    return layers


def _classes(rows: CellRows) -> Values:
    return rows.predicted[None]


def _probabilities(rows: CellRows) -> Values:
    return _levels(rows.probabilities, rows)


def _half_probabilities(rows: CellRows) -> Values:
    """Rounded here: GDAL cuts off what float16 has no room for."""
    return np.where(rows.missing, np.nan, rows.probabilities.astype(np.float16)).astype(np.float32)


def _entropy(rows: CellRows) -> Values:
    return _levels(rows.entropy[None], rows)


def _disagreement(rows: CellRows) -> Values:
    if rows.disagreement is None:
        raise ValueError("one model does not disagree")
    return _levels(rows.disagreement[None], rows)


def _levels(shares: Floats, rows: CellRows) -> npt.NDArray[np.uint8]:
    """Numbers in [0, 1] as whole ones, (bands, rows, columns)."""
    return np.where(rows.missing, NODATA, np.rint(shares * LEVELS)).astype(np.uint8)
