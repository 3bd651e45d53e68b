"""The part of a scene that is mapped: all of it, or the pixels that a box touches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from rasterio.transform import Affine

from raysat.data.scenes.grid import to_map
from raysat.data.scenes.scene import Scene
from raysat.errors import UsageError

Box = tuple[float, float, float, float]  # west, south, east, north
_ROUNDING: Final = 1e-6  # pixels that a box may be beyond an edge without touching what lies there


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of a scene, in its pixels."""

    row: int
    column: int
    height: int
    width: int

    def cells(self, t: Affine, stride: tuple[int, int]) -> Affine:
        """Of column and row of cells of ``stride`` rows and columns into x and y, from that of the scene's pixels."""
        (x,), (y,) = to_map(t, np.array([float(self.column)]), np.array([float(self.row)]))
        rows, columns = stride
        return Affine(t.a * columns, t.b * rows, float(x), t.d * columns, t.e * rows, float(y))


def region_of(scene: Scene, box: Box | None) -> Region:
    """Return the pixels that a box touches.

    Args:
        scene: on a grid that is not rotated.
        box: west, south, east and north in its CRS, or by column and row where it has none; None for all of it.

    Raises:
        UsageError: it touches none.
    """
    if box is None:
        return Region(row=0, column=0, height=scene.height, width=scene.width)
    west, south, east, north = box
    columns, rows = to_map(~scene.transform, np.array([west, east]), np.array([south, north]))
    left, right = _touched(columns.min(), columns.max(), scene.width)
    top, bottom = _touched(rows.min(), rows.max(), scene.height)  # rows go up where there is no CRS
    if not (west < east and south < north and left < right and top < bottom):
        x, y = to_map(scene.transform, np.array([0.0, scene.width]), np.array([0.0, scene.height]))
        bounds = ",".join(f"{side:.10g}" for side in (x.min(), y.min(), x.max(), y.max()))
        raise UsageError(f"{{--bbox}} holds nothing of {scene.name}, which is {bounds}", hint="west,south,east,north")
    return Region(row=top, column=left, height=bottom - top, width=right - left)


def _touched(least: float, most: float, count: int) -> tuple[int, int]:
    """The first pixel between two places along an axis of so many, and the one after the last."""
    least, most = max(least, 0.0), min(most, float(count))
    return math.floor(least + _ROUNDING), math.ceil(most - _ROUNDING)
