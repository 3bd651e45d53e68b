"""One chip a point: the point lies in its centre pixel (of an even size, the one right and below of the middle)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from raysat.data.chips.cuts import UNKNOWN, Cuts, SceneHead
from raysat.data.chips.labels import Labels
from raysat.data.scenes.grid import to_crs, to_map
from raysat.data.scenes.raster import Scene
from raysat.formatting import plural
from raysat.installation import extra_module


def cut_points(
    labels: Labels, scenes: Sequence[SceneHead], size: int, opened: Callable[[int], AbstractContextManager[Scene]]
) -> Cuts:
    """Place a chip on each point, in the first scene that holds all of it and has data in its centre.

    Args:
        labels: the points.
        scenes: where they may lie.
        size: rows and columns of a chip.
        opened: opens a scene by its number.

    Returns:
        The chips, and which points lie outside.
    """
    shapely = extra_module("shapely", extra="chips")
    x, y = shapely.get_x(labels.geometries), shapely.get_y(labels.geometries)
    chosen = np.full(len(labels), UNKNOWN)
    corners = np.zeros((2, len(labels)), np.int64)  # column and row of the upper left pixel
    beside = np.zeros(len(labels), np.bool_)  # in a scene, but too near its edge
    spare: list[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []  # chips whose centre has no data
    for number, scene in enumerate(scenes):
        columns, rows = pixel_of(labels, scene, x, y)
        inside = (columns >= 0) & (rows >= 0) & (columns < scene.grid.width) & (rows < scene.grid.height)
        left, top = columns - size // 2, rows - size // 2
        whole = inside & (left >= 0) & (top >= 0)
        whole &= (left + size <= scene.grid.width) & (top + size <= scene.grid.height)
        beside |= inside & ~whole
        free = np.flatnonzero(whole & (chosen == UNKNOWN))
        where = np.stack([left, top])
        if len(scenes) > 1 and len(free):
            with opened(number) as file:
                seen = np.array([_has_data(file, columns[each], rows[each]) for each in free], np.bool_)
            spare.append((number, free[~seen], where[:, free[~seen]]))
            free = free[seen]
        chosen[free] = number
        corners[:, free] = where[:, free]
    for number, points, where in spare:
        still = chosen[points] == UNKNOWN
        chosen[points[still]] = number
        corners[:, points[still]] = where[:, still]
    return _cuts(labels, scenes, chosen, corners, beside, size)


def pixel_of(
    labels: Labels, scene: SceneHead, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return column and row of the pixel that each place lies in.

    Args:
        labels: whose CRS the places are in.
        scene: the scene.
        x: of the places, (n,).
        y: of the places, (n,).

    Returns:
        Columns and rows, (n,) each; far outside for a place that the scene's CRS does not have.
    """
    there = to_crs(labels.crs, scene.grid.crs, x, y)
    found = np.floor(np.stack(to_map(~scene.grid.transform, *there)))
    known = np.isfinite(found) & (np.abs(found) < 2**40)
    columns, rows = np.where(known, found, -(2**40)).astype(np.int64)
    return columns, rows


def _has_data(scene: Scene, column: int, row: int) -> bool:
    _, missing = scene.read(Window(int(column), int(row), 1, 1))
    return missing is None or not bool(missing.all())


def _cuts(
    labels: Labels,
    scenes: Sequence[SceneHead],
    chosen: npt.NDArray[np.int64],
    corners: npt.NDArray[np.int64],
    beside: npt.NDArray[np.bool_],
    size: int,
) -> Cuts:
    cuts = Cuts()
    for number in range(len(scenes)):
        for each in np.flatnonzero(chosen == number).tolist():
            split = UNKNOWN if labels.splits is None else labels.splits[each]
            cuts.add(number, corners[0, each], corners[1, each], labels.labels[each], labels.numbers[each], split)
    lost = np.flatnonzero(chosen == UNKNOWN)
    if len(lost):
        first = lost[0]
        chip = f"a chip of {size} x {size} px around it leaves the scene"
        others = f"; {plural(len(lost), 'label')} in all lie so or outside" if len(lost) > 1 else ""
        what = chip if beside[first] else f"it lies outside {'the scene' if len(scenes) == 1 else 'every scene'}"
        cuts.outside = f"{labels.path}: feature {labels.numbers[first]}: {what}{others}"
        cuts.left_out["points whose chip would leave every scene"] = len(lost)
    return cuts
