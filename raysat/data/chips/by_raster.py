"""A grid of chips by a raster of classes: the class of the centre pixel, or that of most of a chip's pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from raysat.data.chips.cuts import Cuts, SceneHead, lattice
from raysat.data.importers.base import sort_labels
from raysat.data.names import check_names
from raysat.data.scenes.gdal import gdal_errors, open_raster, quiet_gdal
from raysat.data.scenes.grid import Grid
from raysat.errors import DataError, prefixed

_NONE: Final = -(2**62)  # no value of a label raster


def cut_raster(
    path: Path,
    scenes: Sequence[SceneHead],
    *,
    size: int,
    stride: int,
    purity: float | None,
    classes: Sequence[str] = (),
) -> tuple[Cuts, tuple[str, ...]]:
    """Place chips on a grid that begins in each scene's upper left corner, where the raster gives them a class.

    A raster of another grid or CRS is read at the centres of the scene's pixels, the nearest pixel of it.

    Args:
        path: the raster: one band of whole numbers. Nodata is no class.
        scenes: what it covers.
        size: rows and columns of a chip.
        stride: pixels from one chip to the next.
        purity: share of a chip's pixels that one class must have; None takes the centre pixel's class.
        classes: values in order, each as ``2`` or ``2=forest``; others are no class. By default all that there are.

    Returns:
        The chips, and the names of the classes in order.

    Raises:
        DataError: the raster cannot be read, has another number of bands or other values, or no scene has a label.
    """
    named = _named(classes)
    cuts = Cuts()
    for number, scene in enumerate(scenes):
        columns = lattice(scene.grid.width, size, stride)
        with _values_on(path, scene) as values:
            for top in lattice(scene.grid.height, size, stride).tolist():
                found = _of_row(values(top, size, purity is None), columns, size, purity, cuts)
                for left, value in zip(columns.tolist(), found.tolist(), strict=True):
                    if value == _NONE:
                        continue
                    if named and value not in named:
                        cuts.left_out["places of the grid of a class that is not asked for"] += 1
                        continue
                    cuts.add(number, left, top, value)
    if not len(cuts):
        raise DataError(f"{path} gives no chip of the scenes a class", hint="does it cover them? See {--purity}, too")
    names = named or {int(value): value for value in sort_labels({str(value) for value in cuts.label})}
    with prefixed(str(path), DataError):
        check_names(tuple(names.values()), "class")
    positions = {value: label for label, value in enumerate(names)}
    for index, value in enumerate(cuts.label):
        cuts.label[index] = positions[value]
    return cuts, tuple(names.values())


def _named(classes: Sequence[str]) -> Mapping[int, str]:
    """Values and the names of their classes, in order."""
    named: dict[int, str] = {}
    for word in classes:
        text, _, name = word.partition("=")
        try:
            value = int(text)
        except ValueError:
            raise DataError(
                f"class {word!r} of a label raster is no value", hint="write {--classes} 1=water,2=forest"
            ) from None
        if value in named:
            raise DataError(f"value {value} is named twice", hint="give each class one value")
        named[value] = name.strip() or text.strip()
    return named


@contextmanager
def _values_on(path: Path, scene: SceneHead) -> Iterator[Any]:
    """A function of the first row and the number of rows that gives a strip of the raster on a scene's grid."""
    with ExitStack() as stack:
        file: Any = stack.enter_context(open_raster(path))
        if file.count != 1 or np.dtype(file.dtypes[0]).kind not in "ui":
            raise DataError(
                f"{path} has {file.count} bands of {file.dtypes[0]}; a label raster has one of whole numbers",
                hint="convert it: gdal_translate -b 1 -ot Byte",
            )
        if not Grid.of(file).matches(scene.grid):
            if not file.crs or scene.grid.crs is None:
                raise DataError(
                    f"{path} is {Grid.of(file)}, {scene.name} is {scene.grid}", hint="give both a CRS, or one grid"
                )
            with quiet_gdal(), gdal_errors(path):
                grid = scene.grid
                place = {"crs": grid.crs, "transform": grid.transform, "width": grid.width, "height": grid.height}
                file = stack.enter_context(
                    WarpedVRT(file, **place, resampling=Resampling.nearest, add_alpha=file.nodata is None)
                )

        def values(top: int, rows: int, centre: bool) -> npt.NDArray[np.int64]:
            window = Window(0, top + rows // 2 if centre else top, scene.grid.width, 1 if centre else rows)
            with quiet_gdal(), gdal_errors(path):
                strip = file.read(1, window=window).astype(np.int64)
                has = file.dataset_mask(window=window) if file.nodata is None else file.read_masks(1, window=window)
            return np.where(np.asarray(has) == 0, _NONE, strip)

        yield values


def _of_row(
    strip: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], size: int, purity: float | None, cuts: Cuts
) -> npt.NDArray[np.int64]:
    """The value of each chip of a row of the grid; ``_NONE`` where it has none."""
    if purity is None:
        centres: npt.NDArray[np.int64] = strip[0, columns + size // 2]
        return centres
    found = np.full(len(columns), _NONE)
    for index, left in enumerate(columns.tolist()):
        values, counts = np.unique(strip[:, left : left + size], return_counts=True)
        counts[values == _NONE] = 0
        best = int(counts.argmax())
        if counts[best] >= purity * size**2 and counts[best] > 0:
            found[index] = values[best]
        elif counts[best] > 0:
            cuts.left_out[f"places of the grid of which no class covers {100 * purity:g} %"] += 1
    return found
