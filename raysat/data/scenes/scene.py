"""An open scene: its bands, its grid, and their pixels window by window, with where they are nodata.

Nodata is what files declare by a nodata value or a mask (in the file, or beside it as ``.msk``), pixels that are no
numbers, and all that lies beyond the scene's edges. An alpha band is no mask: GDAL takes the fourth band of every plain
8-bit file for one.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from rasterio.crs import CRS
from rasterio.enums import MaskFlags
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from raysat.data.scenes.gdal import gdal_errors, quiet_gdal
from raysat.data.scenes.grid import Grid
from raysat.data.scenes.remote import RasterPath


@dataclass(kw_only=True, eq=False)
class SceneFile:
    """One open file, and the bands of the scene that it holds."""

    path: RasterPath
    data: Any  # a rasterio dataset, or a WarpedVRT of one
    mask: Any  # a dataset of its mask, where that lies beside it
    indexes: list[int] = field(default_factory=list)  # its bands, from 1
    positions: list[int] = field(default_factory=list)  # of these in the scene

    def missing(self, window: Window | None, shape: tuple[int, ...] | None = None) -> npt.NDArray[np.bool_] | None:
        """Where its bands are nodata, (n, h, w), in a window or at a shape (h, w); None where nothing can be."""
        several = {"window": window, "out_shape": None if shape is None else (len(self.indexes), *shape)}
        if self.mask is not None:
            indexes = [1] * len(self.indexes) if self.mask.count == 1 else self.indexes
            beside: npt.NDArray[np.bool_] = np.asarray(self.mask.read(indexes, **several)) == 0
            return beside
        if isinstance(self.data, WarpedVRT) and self.data.nodata is None:
            outside = np.asarray(self.data.dataset_mask(window=window, out_shape=shape)) == 0
            return np.broadcast_to(outside, (len(self.indexes), *outside.shape))
        masked = [set(self.data.mask_flag_enums[index - 1]) for index in self.indexes]
        if all({MaskFlags.all_valid, MaskFlags.alpha} & flags for flags in masked):
            return None
        found: npt.NDArray[np.bool_] = np.asarray(self.data.read_masks(self.indexes, **several)) == 0
        found[[bool({MaskFlags.all_valid, MaskFlags.alpha} & flags) for flags in masked]] = False
        return found


@dataclass(kw_only=True, eq=False)
class Scene:
    """An open scene: a context manager that closes its files. One thread at a time may read it."""

    name: str  # of its file or folder, without the suffix
    paths: tuple[RasterPath, ...]
    bands: tuple[str, ...]
    sensor: str | None
    dtype: str  # numpy's name of it, the same of all bands
    grid: Grid
    nodata: tuple[float | None, ...]  # the value that says so, of each band
    resampled: bool  # whether any band is
    files: list[SceneFile] = field(repr=False)
    stack: ExitStack = field(repr=False)

    @property
    def height(self) -> int:
        """Rows."""
        return self.grid.height

    @property
    def width(self) -> int:
        """Columns."""
        return self.grid.width

    @property
    def crs(self) -> CRS | None:
        """Of its coordinates; None where no file says."""
        return self.grid.crs

    @property
    def transform(self) -> Affine:
        """Of column and row, from the upper left corner, into x and y."""
        return self.grid.transform

    @property
    def pixel_size(self) -> float | None:
        """Side of a pixel in metres; None in a geographic CRS, where it varies, and without one."""
        return self.grid.pixel_size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its files."""
        self.stack.close()

    def read(self, window: Window) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        """Read a part of all bands.

        Args:
            window: whole columns and rows; it may reach beyond the scene, where everything is missing.

        Returns:
            The pixels (C, h, w), in the type of the files, and where they are nodata (C, h, w), or None where none is.
            What a nodata pixel holds has no meaning.

        Raises:
            DataError: a file is damaged.
        """
        left, top, width, height = (int(side) for side in (window.col_off, window.row_off, window.width, window.height))
        first_column, first_row = max(0, left), max(0, top)
        columns = min(self.width, left + width) - first_column
        rows = min(self.height, top + height) - first_row
        if (columns, rows) == (width, height):
            return self._read(window)
        pixels = np.zeros((len(self.bands), height, width), self.dtype)
        missing = np.ones(pixels.shape, np.bool_)
        if columns > 0 and rows > 0:
            inside, lost = self._read(Window(first_column, first_row, columns, rows))
            where = (
                slice(None),
                slice(first_row - top, first_row - top + rows),
                slice(first_column - left, first_column - left + columns),
            )
            pixels[where] = inside
            missing[where] = False if lost is None else lost
        return pixels, missing

    def overview(self, longest: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Read all of the scene at fewer pixels, the nearest ones, from overviews in the files where there are some.

        Args:
            longest: rows or columns at most.

        Returns:
            The pixels (C, h, w) and where they are nodata (C, h, w).

        Raises:
            DataError: a file is damaged.
        """
        factor = max(1.0, max(self.height, self.width) / longest)
        shape = tuple(max(1, round(side / factor)) for side in (self.height, self.width))
        pixels = np.empty((len(self.bands), *shape), self.dtype)
        missing = np.zeros(pixels.shape, np.bool_)
        with quiet_gdal():
            for file in self.files:
                with gdal_errors(file.path):
                    pixels[file.positions] = file.data.read(file.indexes, out_shape=(len(file.indexes), *shape))
                    lost = file.missing(None, shape)
                if lost is not None:
                    missing[file.positions] = lost
        if pixels.dtype.kind == "f":
            missing |= ~np.isfinite(pixels)
        return pixels, missing

    def _read(self, window: Window) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
        """Read a window that lies within the scene."""
        shape = (len(self.bands), int(window.height), int(window.width))
        pixels, missing = np.empty(shape, self.dtype), np.zeros(shape, np.bool_)
        with quiet_gdal():
            for file in self.files:
                with gdal_errors(file.path):
                    pixels[file.positions] = file.data.read(file.indexes, window=window)
                    lost = file.missing(window)
                if lost is not None:
                    missing[file.positions] = lost
        if pixels.dtype.kind == "f":
            missing |= ~np.isfinite(pixels)
        return pixels, missing if missing.any() else None
