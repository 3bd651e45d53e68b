"""Writes the layers of a map as Cloud-Optimized GeoTIFFs, and makes sure that the disk has them.

Rows of cells are written to a tiled file as they are made; at the end GDAL's COG driver makes the layer from it, with
overviews. What that wrote is read back and its sum compared: GDAL does not always say that a disk was full.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError  # GDAL's own, which rasterio does not always make one of its errors
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.shutil import copy
from rasterio.transform import Affine
from rasterio.windows import Window

from raysat.data.scenes.gdal import quiet_gdal
from raysat.errors import DiskError
from raysat.files import sync_file, write_unsynced
from raysat.formatting import data_size
from raysat.inference.maps.cells import LEVELS, NODATA, CellRows
from raysat.inference.maps.layers import Layer, Values, class_colours

_TILE: Final = 256  # cells along a side of a tile
_COG: Final = {"COMPRESS": "DEFLATE", "BLOCKSIZE": "512", "BIGTIFF": "IF_SAFER", "OVERVIEWS": "AUTO"}
_HALF_STEPS: Final = 1 << 24  # float16 numbers are whole multiples of 1 by so many


@dataclass(frozen=True, slots=True, kw_only=True)
class CellGrid:
    """Where the cells of a map lie."""

    crs: CRS | None
    transform: Affine  # of column and row of cells into x and y
    height: int  # cells
    width: int


def check_space(folder: Path, grid: CellGrid, layers: Sequence[Layer]) -> None:
    """Raise DiskError where a disk has less room than the layers take before they are packed.

    Args:
        folder: of the map, which need not be there.
        grid: of its cells.
        layers: which are written.
    """
    needed = grid.height * grid.width * sum(layer.bytes for layer in layers)
    there = next(parent for parent in folder.absolute().parents if parent.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise DiskError(
            f"{folder} needs {data_size(needed)}, its disk has {data_size(free)} free",
            hint="free some space, write elsewhere, or leave layers out: {--probabilities} none",
        )


class MapFiles:
    """The layers of a map while they are written: a context manager that closes what it opened."""

    def __init__(
        self,
        folder: Path,
        grid: CellGrid,
        layers: Sequence[Layer],
        classes: Sequence[str],
        *,
        tags: Mapping[str, str],
        shown: Path,
    ) -> None:
        """Name the files.

        Args:
            folder: that is there, for these alone.
            grid: where cells lie.
            layers: which are written.
            classes: their names.
            tags: that each file has among its metadata.
            shown: the folder that errors name: what this one becomes.
        """
        self._folder, self._shown, self._grid = folder, shown, grid
        self._layers, self._classes, self._tags = layers, classes, tags
        self._open: dict[str, Any] = {}  # rasterio's file of each layer, by its name
        self._sums = {layer.name: 0 for layer in layers}  # of all that was written
        self._stack = ExitStack()
        self.counts = np.zeros(NODATA + 1, np.int64)  # cells by class; nodata last

    def __enter__(self) -> Self:
        """Begin the files. Raises DiskError."""
        try:
            for layer in self._layers:
                with _disk(self._shown / layer.file):
                    self._begin(layer)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _disk(self._shown):
            self._stack.close()

    def write(self, rows: CellRows) -> None:
        """Write finished rows of cells. Raises DiskError."""
        height, width = rows.missing.shape
        window = Window(rows.column, rows.row, width, height)
        for layer in self._layers:
            values = layer.encode(rows)
            self._sums[layer.name] += _sum(values)
            with _disk(self._shown / layer.file):
                self._open[layer.name].write(values, window=window)
        self.counts += np.bincount(rows.predicted.ravel(), minlength=NODATA + 1)

    def finish(self) -> None:
        """Make each layer's file of what was written. Raises DiskError."""
        for layer in self._layers:
            with _disk(self._shown / layer.file):
                self._finish(layer)

    def _begin(self, layer: Layer) -> None:
        grid, shape = self._grid, {"height": self._grid.height, "width": self._grid.width, "count": len(layer.bands)}
        tiles = {"tiled": True, "blockxsize": _TILE, "blockysize": _TILE, "bigtiff": "if_safer"}
        place = {"crs": grid.crs, "transform": grid.transform}
        file = rasterio.open(self._working(layer), "w", driver="GTiff", **place, **shape, **tiles, **layer.options)
        self._open[layer.name] = self._stack.enter_context(file)
        file.descriptions = layer.bands
        file.update_tags(**self._tags)
        if layer.scaled and not layer.half:
            file.scales = (1 / LEVELS,) * len(layer.bands)
        if layer.name == "class":
            colours = {label: (*rgb, 255) for label, rgb in enumerate(class_colours(len(self._classes)))}
            file.write_colormap(1, colours | {NODATA: (0, 0, 0, 0)})
            file.update_tags(1, **{f"CLASS_{label}": name for label, name in enumerate(self._classes)})

    def _finish(self, layer: Layer) -> None:
        path, working = self._folder / layer.file, self._working(layer)
        options = {**_COG, "OVERVIEW_RESAMPLING": layer.resampling} | ({"NBITS": "16"} if layer.half else {})
        self._open[layer.name].close()
        copy(working, path, driver="COG", **options)
        with rasterio.open(path) as file:
            written = sum(_sum(file.read(window=window)) for _, window in file.block_windows(1))
        if written != self._sums[layer.name]:
            raise OSError("it is not what was written: the disk may be full")
        working.unlink()
        sync_file(path)
        if layer.name == "class":
            write_unsynced(path.with_name(f"{path.name}.aux.xml"), _names_file(self._classes))

    def _working(self, layer: Layer) -> Path:
        return self._folder / f"{layer.name}.working.tif"


@contextmanager
def _disk(path: Path) -> Iterator[None]:
    """Make a DiskError of what rasterio and the system say against writing a file."""
    with quiet_gdal():
        try:
            yield
        except (RasterioError, CPLE_BaseError, OSError) as error:
            cause = getattr(error, "strerror", None) or error.__cause__ or error
            hint = "free some space, or write elsewhere"
            raise DiskError(f"{path} cannot be written: {cause}", hint=hint) from error


def _sum(values: Values) -> int:
    """The exact sum of whole numbers, or of float16 ones in their smallest steps; NaN is nothing."""
    if values.dtype.kind == "f":
        values = (np.nan_to_num(values.astype(np.float64)) * _HALF_STEPS).astype(np.int64)
    return int(values.sum(dtype=np.int64))


def _names_file(classes: Sequence[str]) -> bytes:
    """GDAL's file beside a raster that names its classes: GeoTIFF has no place for them that GDAL reads."""
    dataset = ET.Element("PAMDataset")
    names = ET.SubElement(ET.SubElement(dataset, "PAMRasterBand", band="1"), "CategoryNames")
    for name in classes:
        ET.SubElement(names, "Category").text = name
    ET.indent(dataset)
    return ET.tostring(dataset)
