"""The layers of a map as Cloud-Optimized GeoTIFFs: class, probabilities, entropy, disagreement.

Rows of cells are written to a tiled file as they are made; at the end GDAL's COG driver makes the layer from it, with
overviews. What that wrote is read back and its sum compared: GDAL does not always say that a disk was full.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
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

Colour = tuple[int, int, int]
_TILE: Final = 256  # cells along a side of a tile
_PLAIN: Final = {"photometric": "MINISBLACK", "alpha": "NO"}  # else GDAL takes four classes for red, green, blue, alpha
_COG: Final = {"COMPRESS": "DEFLATE", "BLOCKSIZE": "512", "BIGTIFF": "IF_SAFER", "OVERVIEWS": "AUTO"}
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


def class_colours(count: int) -> list[Colour]:
    """Colours of classes, by label: 20 that are apart, then shades by golden steps of the hue."""
    import colorsys  # noqa: PLC0415

    named: list[Colour] = [(int(c[1:3], 16), int(c[3:5], 16), int(c[5:7], 16)) for c in _COLOURS[:count]]
    for index in range(len(named), count):
        red, green, blue = colorsys.hsv_to_rgb(index * 0.61803398875 % 1, 0.55, 0.8)
        named.append((round(255 * red), round(255 * green), round(255 * blue)))
    return named


@dataclass(frozen=True, slots=True, kw_only=True)
class CellGrid:
    """Where the cells of a map lie."""

    crs: CRS | None
    transform: Affine  # of column and row of cells into x and y
    height: int  # cells
    width: int


@dataclass(kw_only=True, eq=False)
class Layer:
    """One file of a map while it is written."""

    name: str
    bands: tuple[str, ...]  # descriptions
    encode: Callable[[CellRows], npt.NDArray[Any]]  # (bands, rows, columns) of its type
    half: bool = False  # float16, else uint8 of ``LEVELS`` + nodata
    scaled: bool = True  # whole numbers stand for [0, 1]
    resampling: str = "AVERAGE"  # of overviews
    total: float = 0.0  # of all values, which are whole numbers or float16: sums are exact
    file: Any = field(default=None, repr=False)

    @property
    def options(self) -> dict[str, Any]:
        """How rasterio is to make its file."""
        if self.half:
            return {"dtype": "float32", "nodata": np.nan, "nbits": 16, **_PLAIN}
        return {"dtype": "uint8", "nodata": NODATA, **(_PLAIN if self.scaled else {})}


def map_layers(classes: Sequence[str], *, probabilities: str, models: int) -> list[Layer]:
    """Return the layers of a map.

    Args:
        classes: their names.
        probabilities: as ``uint8``, ``float16`` or ``none``.
        models: how many vote; one does not disagree.
    """
    layers = [Layer(name="class", bands=("class",), encode=_classes, scaled=False, resampling="MODE")]
    if probabilities != "none":
        half = probabilities == "float16"
        layers.append(Layer(name="probabilities", bands=tuple(classes), encode=_probabilities(half=half), half=half))
    layers.append(Layer(name="entropy", bands=("entropy",), encode=lambda rows: _levels(rows.entropy[None], rows)))
    if models > 1:
        layers.append(Layer(name="disagreement", bands=("disagreement",), encode=_disagreement))
    return layers


def check_space(folder: Path, grid: CellGrid, layers: Sequence[Layer]) -> None:
    """Raise DiskError where a disk has less room than the layers take before they are packed.

    Args:
        folder: of the map, which need not be there.
        grid: of its cells.
        layers: which are written.
    """
    needed = grid.height * grid.width * sum(len(layer.bands) * (2 if layer.half else 1) for layer in layers)
    there = next(parent for parent in folder.absolute().parents if parent.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise DiskError(
            f"{folder} needs {data_size(needed)}, its disk has {data_size(free)} free",
            hint="free some space, write elsewhere, or leave layers out: {--probabilities} none",
        )


class MapFiles:
    """Writes the layers of a map into a folder. Errors of the disk are raised as DiskError by ``finish`` at last."""

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
        """Begin the files.

        Args:
            folder: that is there, for these alone.
            grid: where cells lie.
            layers: which are written.
            classes: their names.
            tags: that each file has among its metadata.
            shown: the folder that errors name: what this one becomes.
        """
        self._folder, self._shown = folder, shown
        self._layers, self._classes = layers, classes
        self.counts = np.zeros(NODATA + 1, np.int64)  # cells by class; nodata last
        profile = {"driver": "GTiff", "crs": grid.crs, "transform": grid.transform, "height": grid.height}
        profile |= {"width": grid.width, "tiled": True, "blockxsize": _TILE, "blockysize": _TILE}
        for layer in layers:
            with _disk(self._shown / f"{layer.name}.tif"):
                options = {**profile, **layer.options, "count": len(layer.bands), "bigtiff": "if_safer"}
                layer.file = rasterio.open(self._working(layer), "w", **options)
                layer.file.descriptions = layer.bands
                layer.file.update_tags(**tags)
                self._describe(layer)

    def write(self, rows: CellRows) -> None:
        """Write finished rows of cells. Raises DiskError."""
        height, width = rows.missing.shape
        window = Window(rows.column, rows.row, width, height)
        for layer in self._layers:
            values = layer.encode(rows)
            layer.total += _sum(values)
            with _disk(self._shown / f"{layer.name}.tif"):
                layer.file.write(values, window=window)
        self.counts += np.bincount(rows.predicted.ravel(), minlength=NODATA + 1)

    def finish(self) -> list[Path]:
        """Make each layer's file, and return them. Raises DiskError."""
        return [self._finish(layer) for layer in self._layers]

    def close(self) -> None:
        """Close what is open."""
        for layer in self._layers:
            if layer.file is not None:
                with _disk(self._shown / f"{layer.name}.tif"):
                    layer.file.close()

    def _finish(self, layer: Layer) -> Path:
        path, working, shown = self._path(layer), self._working(layer), self._shown / f"{layer.name}.tif"
        options = {**_COG, "OVERVIEW_RESAMPLING": layer.resampling} | ({"NBITS": "16"} if layer.half else {})
        with _disk(shown):
            layer.file.close()
            copy(working, path, driver="COG", **options)
            written = 0.0
            with rasterio.open(path) as file:
                for _, window in file.block_windows(1):
                    written += _sum(file.read(window=window))
            if written != layer.total:
                raise OSError("it is not what was written: the disk may be full")
            working.unlink()
            sync_file(path)
        if layer.name == "class":
            with _disk(shown):
                write_unsynced(path.with_name(f"{path.name}.aux.xml"), _names_file(self._classes))
        return path

    def _describe(self, layer: Layer) -> None:
        """Say what values mean."""
        if layer.scaled and not layer.half:
            layer.file.scales = (1 / LEVELS,) * len(layer.bands)
        if layer.name == "class":
            colours = {label: (*rgb, 255) for label, rgb in enumerate(class_colours(len(self._classes)))}
            layer.file.write_colormap(1, colours | {NODATA: (0, 0, 0, 0)})
            layer.file.update_tags(1, **{f"CLASS_{label}": name for label, name in enumerate(self._classes)})

    def _path(self, layer: Layer) -> Path:
        return self._folder / f"{layer.name}.tif"

    def _working(self, layer: Layer) -> Path:
        return self._folder / f"{layer.name}.working.tif"


class _disk:  # noqa: N801  (used as a function)
    """Make a DiskError of what rasterio and the system say against writing a file."""

    def __init__(self, path: Path) -> None:
        self._path, self._gdal = path, quiet_gdal()

    def __enter__(self) -> None:
        self._gdal.__enter__()

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._gdal.__exit__(kind, error, trace)
        if isinstance(error, RasterioError | CPLE_BaseError | OSError):
            cause = getattr(error, "strerror", None) or error.__cause__ or error
            raise DiskError(
                f"{self._path} cannot be written: {cause}", hint="free some space, or write elsewhere"
            ) from error


def _sum(values: npt.NDArray[Any]) -> float:
    return float(np.nansum(values, dtype=np.float64))


def _classes(rows: CellRows) -> npt.NDArray[Any]:
    return rows.predicted[None]


def _probabilities(*, half: bool) -> Callable[[CellRows], npt.NDArray[Any]]:
    def encode(rows: CellRows) -> npt.NDArray[Any]:
        if not half:
            return _levels(rows.probabilities, rows)
        # GDAL cuts off what float16 has no room for, so it is rounded here.
        return np.where(rows.missing, np.nan, rows.probabilities.astype(np.float16)).astype(np.float32)

    return encode


def _disagreement(rows: CellRows) -> npt.NDArray[Any]:
    if rows.disagreement is None:
        raise ValueError("one model does not disagree")
    return _levels(rows.disagreement[None], rows)


def _levels(shares: npt.NDArray[np.float32], rows: CellRows) -> npt.NDArray[np.uint8]:
    """Numbers in [0, 1] as whole ones, (bands, rows, columns)."""
    return np.where(rows.missing, NODATA, np.rint(shares * LEVELS)).astype(np.uint8)


def _names_file(classes: Sequence[str]) -> bytes:
    """GDAL's file beside a raster that names its classes: GeoTIFF has no place for them that GDAL reads."""
    dataset = ET.Element("PAMDataset")
    names = ET.SubElement(ET.SubElement(dataset, "PAMRasterBand", band="1"), "CategoryNames")
    for name in classes:
        ET.SubElement(names, "Category").text = name
    ET.indent(dataset)
    return ET.tostring(dataset)
