"""A grid of chips over polygons: those of which one class covers enough, counted in pixels whose centre it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.features import rasterize
from rasterio.transform import Affine

from raysat.data.chips.cuts import UNKNOWN, Cuts, SceneHead, lattice
from raysat.data.chips.labels import Geometries, Labels
from raysat.data.scenes.gdal import quiet_gdal
from raysat.data.scenes.grid import to_crs, to_map
from raysat.formatting import plural
from raysat.installation import extra_module


def cut_polygons(labels: Labels, scenes: Sequence[SceneHead], *, size: int, stride: int, purity: float) -> Cuts:
    """Place chips on a grid that begins in each scene's upper left corner, where polygons of one class cover enough.

    Where polygons overlap, the later one of the file counts.

    Args:
        labels: the polygons.
        scenes: where they may lie.
        size: rows and columns of a chip.
        stride: pixels from one chip to the next.
        purity: share of a chip's pixels that one class must cover.

    Returns:
        The chips, and which polygons lie outside; the split of a chip is that of the polygon that covers most of it.
    """
    shapely = extra_module("shapely", extra="chips")
    cuts, touched = Cuts(), np.zeros(len(labels), np.bool_)
    with quiet_gdal(), np.errstate(over="ignore", invalid="ignore"):  # of polygons far larger than the Earth
        for number, scene in enumerate(scenes):
            shapes = _on_pixels(shapely, labels, scene)
            touched |= shapely.intersects(shapes, shapely.box(0, 0, scene.grid.width, scene.grid.height))
            shapely.prepare(shapes)
            tree = shapely.STRtree(shapes)
            columns = lattice(scene.grid.width, size, stride)
            for top in lattice(scene.grid.height, size, stride).tolist():
                boxes = shapely.box(columns, top, columns + size, top + size)
                which, found = tree.query(boxes, predicate="intersects")
                order = np.lexsort((found, which))
                which, found = which[order], found[order]
                for place in np.unique(which).tolist():
                    members = found[which == place]
                    left = int(columns[place])
                    share, member = _majority(
                        shapely, shapes[members], labels.labels[members], boxes[place], left, top, size
                    )
                    if share >= purity:
                        chosen = members[member]
                        split = UNKNOWN if labels.splits is None else labels.splits[chosen]
                        cuts.add(number, left, top, labels.labels[chosen], labels.numbers[chosen], split)
                    elif share > 0:
                        cuts.left_out[f"places of the grid of which no class covers {100 * purity:g} %"] += 1
    lost = np.flatnonzero(~touched)
    if len(lost):
        where = "the scene" if len(scenes) == 1 else "every scene"
        others = f"; {plural(len(lost), 'polygon')} in all do" if len(lost) > 1 else ""
        cuts.outside = f"{labels.path}: feature {labels.numbers[lost[0]]} lies outside {where}{others}"
        cuts.left_out["polygons outside every scene"] = len(lost)
    return cuts


def _on_pixels(shapely: Any, labels: Labels, scene: SceneHead) -> Geometries:
    """The polygons in columns and rows of a scene; those that its CRS does not have are empty."""

    def move(places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        there = to_crs(labels.crs, scene.grid.crs, places[:, 0], places[:, 1])
        return np.column_stack(to_map(~scene.grid.transform, *there))

    everywhere = np.concatenate([np.zeros((1, 2)), shapely.get_coordinates(labels.geometries)])
    bounded = np.isfinite(move(everywhere)[1:]).all(axis=1)
    _, owner = shapely.get_coordinates(labels.geometries, return_index=True)
    known = np.bincount(owner[~bounded], minlength=len(labels)) == 0
    shapes = np.full(len(labels), shapely.Polygon(), dtype=object)
    shapes[known] = shapely.make_valid(
        shapely.transform(labels.geometries[known], move), method="structure", keep_collapsed=False
    )
    return shapes


def _majority(
    shapely: Any,
    shapes: Geometries,
    labels: npt.NDArray[np.int64],
    box: Any,
    left: int,
    top: int,
    size: int,
) -> tuple[float, int]:
    """Share of a chip that its most frequent class covers, and the polygon of that class that covers most of it."""
    if len(shapes) == 1 and shapely.contains(shapes[0], box):
        return 1.0, 0
    burned = rasterize(
        [(shape, index) for index, shape in enumerate(shapes, 1)],
        out_shape=(size, size),
        transform=Affine(1, 0, left, 0, 1, top),
        dtype="int32",
    )
    covered = np.bincount(burned.ravel(), minlength=len(shapes) + 1)[1:]
    by_class = np.bincount(labels, weights=covered)
    best = int(by_class.argmax())
    of_best = np.where(labels == best, covered, -1)
    return float(by_class[best]) / size**2, int(of_best.argmax())
