"""The grid of a raster: where its pixels lie, how large they are in metres, and a grid that others are resampled to."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.transform import Affine, from_origin
from rasterio.warp import transform as reproject

from raysat.data.places import Place, scene_ref
from raysat.errors import DataError

_SHIFT: Final = 1e-3  # pixels by which two grids may differ that are the same: rounding of files
_EPSG: Final = re.compile(r"EPSG:([0-9]{1,7})")
_EDGE: Final = 21  # points along each edge whose places in another CRS bound the grid there


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Rows and columns of pixels on the map; ``crs`` is None where the file does not say."""

    crs: CRS | None
    transform: Affine  # of column and row into x and y
    width: int  # pixels
    height: int

    @classmethod
    def of(cls, file: rasterio.DatasetReader) -> Grid:
        """The grid of an open file."""
        return cls(crs=file.crs or None, transform=file.transform, width=file.width, height=file.height)

    def __str__(self) -> str:
        size = self.pixel_size
        metres = f" of {size:.6g} m" if size else ""
        where = f", {short_crs(self.crs)}" if self.crs else ""
        corner = f", from {self.transform.c:.10g}, {self.transform.f:.10g}" if self.crs else ""
        return f"{self.width:,} x {self.height:,} px{metres}{where}{corner}{', rotated' * self.rotated}"

    @property
    def rotated(self) -> bool:
        """Whether rows do not run from west to east, and from north to south one below the other."""
        t = self.transform
        turned = max(abs(t.b), abs(t.d)) > 1e-9 * max(abs(t.a), abs(t.e))
        return turned or (self.crs is not None and (t.a <= 0 or t.e >= 0))

    @property
    def pixel_size(self) -> float | None:
        """Side of a pixel in metres; None in a geographic CRS, where it varies, and without one."""
        if self.crs is None or not self.crs.is_projected:
            return None
        return math.sqrt(abs(self.transform.determinant)) * float(self.crs.linear_units_factor[1])

    def matches(self, other: Grid) -> bool:
        """Whether pixels of the same row and column are of the same place."""
        if (self.width, self.height, self.crs) != (other.width, other.height, other.crs):
            return False
        corners = np.array([0.0, self.width, 0.0]), np.array([0.0, 0.0, self.height])
        seen = to_map(~other.transform, *to_map(self.transform, *corners))
        return bool(np.allclose(seen, corners, atol=_SHIFT, rtol=0))

    def resampled(self, pixel_size: float | None) -> Grid:
        """The grid, north up, that this raster is resampled to.

        Args:
            pixel_size: in metres; by default its own.

        Returns:
            The same grid where it is north up and of that size; in UTM where a size is asked of a geographic CRS.

        Raises:
            DataError: it has no CRS.
        """
        own = self.pixel_size
        fits = pixel_size is None or (own is not None and math.isclose(own, pixel_size, rel_tol=1e-6))
        if fits and not self.rotated:
            return self
        if self.crs is None:
            raise DataError("it has no CRS, so it cannot be resampled", hint="set one: gdal_edit.py -a_srs EPSG:32616")
        crs = self._utm() if pixel_size is not None and own is None else self.crs
        if pixel_size is not None:
            step = pixel_size / float(crs.linear_units_factor[1])
        else:
            step = math.sqrt(abs(self.transform.determinant))
        x, y = self._outline(crs)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            raise DataError(f"its edges have no place in {short_crs(crs)}", hint="reproject it yourself: gdalwarp")
        left, top = float(x.min()), float(y.max())
        width, height = (max(1, math.ceil(float(np.ptp(axis)) / step - 1e-6)) for axis in (x, y))
        return Grid(crs=crs, transform=from_origin(left, top, step, step), width=width, height=height)

    def _outline(self, crs: CRS) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        along = np.linspace(0, 1, _EDGE)
        none, all_ = np.zeros(_EDGE), np.ones(_EDGE)
        columns = np.concatenate([along, along, none, all_]) * self.width
        rows = np.concatenate([none, all_, along, along]) * self.height
        x, y = to_map(self.transform, columns, rows)
        return (x, y) if crs == self.crs else to_crs(self.crs, crs, x, y)

    def _utm(self) -> CRS:
        """The UTM zone of the centre, on WGS 84. Raises DataError where it has no place there."""
        x, y = to_map(self.transform, np.array([self.width / 2]), np.array([self.height / 2]))
        longitude, latitude = (float(axis[0]) for axis in to_crs(self.crs, CRS.from_epsg(4326), x, y))
        if not math.isfinite(longitude) or not math.isfinite(latitude):
            hint = "set its CRS: gdal_edit.py -a_srs EPSG:32616"
            raise DataError(f"its middle has no place on the earth by {short_crs(self.crs)}", hint=hint)
        zone = min(60, int((longitude + 180) // 6) + 1)
        return CRS.from_epsg((32600 if latitude >= 0 else 32700) + zone)


def centre_of(grid: Grid) -> Place | None:
    """Return the place of a patch that has a grid of its own; None where that is not on the map."""
    if grid.crs is None or grid.transform.is_identity:
        return None
    x, y = to_map(grid.transform, np.array([grid.width / 2]), np.array([grid.height / 2]))
    scene = scene_ref(None, crs_text(grid.crs))
    if scene is None:
        return None
    return Place(scene=scene, x=float(x[0]), y=float(y[0]), pixel_size=grid.pixel_size)


def to_map(
    transform: Affine, columns: npt.NDArray[np.float64], rows: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the places of columns and rows on the map; with an inverse transform, the other way round.

    Args:
        transform: of a grid.
        columns: (N,); the first pixel's centre is at .5.
        rows: (N,).

    Returns:
        x and y, (N,) each; NaN for what is infinite.
    """
    t = transform
    columns, rows = (np.where(np.isfinite(axis), axis, np.nan) for axis in (columns, rows))  # inf - inf is an error
    return t.a * columns + t.b * rows + t.c, t.d * columns + t.e * rows + t.f


def to_crs(
    source: CRS, target: CRS, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return x and y of places in another CRS.

    Args:
        source: the CRS of the places; longitude or easting first.
        target: the other one.
        x: of the places, (N,).
        y: of the places, (N,).

    Returns:
        x and y there, (N,) each; infinite where a place has none.
    """
    if not len(x):
        return np.asarray(x, np.float64), np.asarray(y, np.float64)
    try:
        there = reproject(source, target, x, y)
    except CPLE_BaseError:
        if len(x) == 1:
            return np.full(1, np.inf), np.full(1, np.inf)
        half = len(x) // 2  # one place without another spoils all: it is looked for
        parts = [to_crs(source, target, x[part], y[part]) for part in (slice(half), slice(half, None))]
        return np.concatenate([parts[0][0], parts[1][0]]), np.concatenate([parts[0][1], parts[1][1]])
    return np.asarray(there[0], np.float64), np.asarray(there[1], np.float64)


@cache
def crs_text(crs: CRS) -> str:
    """A CRS as a store writes it: its EPSG code where that says all of it, else WKT."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code is not None and CRS.from_epsg(code) == crs else " ".join(crs.to_wkt().split())


def crs_of(text: str) -> CRS:
    """The CRS that a store wrote as text; nothing but EPSG codes and WKT, as GDAL takes names of files and URLs too.

    Raises CRSError where it is none.
    """
    if code := _EPSG.fullmatch(text):
        return CRS.from_epsg(int(code[1]))
    return CRS.from_wkt(text)


def short_crs(crs: CRS) -> str:
    """A CRS in few words: its EPSG code where it has one, else its name."""
    code = crs.to_epsg()
    if code is not None:
        return f"EPSG:{code}"
    name = crs.to_wkt().split('"')
    return name[1] if len(name) > 1 else "a CRS without a name"
