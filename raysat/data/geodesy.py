"""Metres between patches whatever their CRS: places on the WGS 84 ellipsoid, blocks of it, and nearest neighbours.

Every place becomes longitude and latitude by its CRS (PROJ, through rasterio), then a point in space (x, y, z in metres
from the centre of the Earth). Straight lines between such points are shorter than the way along the surface, by 1 m in
100 km, so that what is farther apart than a buffer in space is so on the ground. Degrees thus need no care, nor do
places of two UTM zones.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.data.places import Places
from raysat.errors import DataError
from raysat.formatting import echo

Floats = npt.NDArray[np.float64]

_A: Final = 6_378_137.0  # semi-major axis of WGS 84, metres
_F: Final = 1 / 298.257223563  # its flattening
_E2: Final = _F * (2 - _F)  # its eccentricity squared
_ON_EARTH: Final = 90.0 + 1e-9  # degrees of latitude at most


def longitude_latitude(places: Places) -> tuple[Floats, Floats]:
    """Return longitude and latitude of the centres on WGS 84, (N,) each, degrees.

    Raises DataError, naming the first patch, where a CRS is not known or a place is not on the Earth.
    """
    from rasterio.crs import CRS  # noqa: PLC0415  (PROJ, which most that open a store do without)
    from rasterio.errors import CRSError  # noqa: PLC0415

    from raysat.data.scenes.gdal import quiet_gdal  # noqa: PLC0415
    from raysat.data.scenes.grid import crs_of, to_crs  # noqa: PLC0415

    there = np.full((2, len(places)), np.inf)
    numbers: dict[str, list[int]] = {}  # of the scenes, by CRS
    for number, scene in enumerate(places.scenes):
        numbers.setdefault(scene.crs, []).append(number)
    for text, scenes in numbers.items():
        rows = np.flatnonzero(np.isin(places.scene, scenes))
        if not len(rows):
            continue
        try:
            with quiet_gdal():
                there[:, rows] = to_crs(crs_of(text), CRS.from_epsg(4326), places.x[rows], places.y[rows])
        except CRSError as error:
            hint = "import the patches again with a CRS that PROJ knows"
            raise DataError(f"patch {rows[0]:,} has a CRS that is not known, {echo(text[:80])}", hint=hint) from error
    longitude, latitude = there
    lost = np.flatnonzero(~np.isfinite(there).all(axis=0) | (np.abs(latitude) > _ON_EARTH))
    if len(lost):
        row = int(lost[0])
        crs = places.scenes[int(places.scene[row])].crs
        raise DataError(
            f"patch {row:,} has no place on the Earth: {places.x[row]:g}, {places.y[row]:g} in {echo(crs[:60])}",
            hint="distances in metres need coordinates of a map: is the CRS of its file right?",
        )
    return (longitude + 180) % 360 - 180, np.clip(latitude, -90, 90)


def in_space(longitude: Floats, latitude: Floats) -> Floats:
    """Return points on the ellipsoid as x, y, z in metres from the centre of the Earth, (N, 3).

    Args:
        longitude: degrees, (N,).
        latitude: degrees, (N,).
    """
    lam, phi = np.radians(longitude), np.radians(latitude)
    n = _A / np.sqrt(1 - _E2 * np.sin(phi) ** 2)  # radius of curvature in the prime vertical
    return np.column_stack([n * np.cos(phi) * np.cos(lam), n * np.cos(phi) * np.sin(lam), (1 - _E2) * n * np.sin(phi)])


def blocks(longitude: Floats, latitude: Floats, side: float) -> npt.NDArray[np.int64]:
    """Return the block of each place, (N,): squares that tile the ellipsoid in rows from pole to pole.

    Rows are equally wide along the meridian, as near to ``side`` as a whole number of them allows, and are cut into a
    whole number of blocks of that width along their middle parallel. So blocks are squares everywhere but at the poles,
    whatever the CRS.

    Args:
        longitude: degrees, (N,).
        latitude: degrees, (N,).
        side: of a block, metres.
    """
    quarter = _meridian(np.array([90.0]))[0]
    rows = max(1, round(2 * quarter / side))
    row = np.clip(np.floor((_meridian(latitude) + quarter) / (2 * quarter) * rows), 0, rows - 1).astype(np.int64)
    middle = np.radians((row + 0.5) / rows * 180 - 90)
    around = 2 * math.pi * _A * np.cos(middle) / np.sqrt(1 - _E2 * np.sin(middle) ** 2)
    columns = np.maximum(1, np.rint(around / side)).astype(np.int64)
    column = np.minimum(np.floor((longitude + 180) % 360 / 360 * columns).astype(np.int64), columns - 1)
    return np.asarray(row * (1 << 32) + column)


def _meridian(latitude: Floats) -> Floats:
    """The way from the equator along the meridian, metres; Helmert's series to the fourth power of n: within 1 mm."""
    n, phi = _F / (2 - _F), np.radians(latitude)
    terms = (
        (1 + n**2 / 4 + n**4 / 64) * phi
        - 3 / 2 * (n - n**3 / 8) * np.sin(2 * phi)
        + 15 / 16 * (n**2 - n**4 / 4) * np.sin(4 * phi)
        - 35 / 48 * n**3 * np.sin(6 * phi)
        + 315 / 512 * n**4 * np.sin(8 * phi)
    )
    return np.asarray(_A / (1 + n) * terms)


def nearest(points: Floats, others: Floats) -> Floats:
    """Return the distance of each point to the nearest of some others, (N,); infinite where there is none.

    Args:
        points: in space, (N, 3).
        others: in space, (M, 3).
    """
    from scipy.spatial import cKDTree  # noqa: PLC0415  (a fifth of a second)

    if not len(others) or not len(points):
        return np.full(len(points), np.inf)
    found, _ = cKDTree(others).query(points)
    return np.asarray(found, np.float64)
