"""Opens a raster file with GDAL and nothing else: no virtual path or format, no network, no file beside it.

GDAL takes names for virtual paths, has formats that are lists of other files (VRT, STACTA and so on), some of them on
the network, and looks for companions of each file. Here a name is the path of a regular file, the formats are those
that keep their pixels in the file itself, and GDAL is told that its folder is empty: ``.aux.xml``, ``.ovr`` and world
files are not looked at. (A mask beside a file, ``.msk``, is: see ``bands.py``.)
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.enums import Interleaving
from rasterio.errors import NodataShadowWarning, NotGeoreferencedWarning, RasterioError

from raysat.errors import DataError, RaysatError
from raysat.files import open_regular

DRIVERS: Final = {  # formats that keep all in one file, by how this begins
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0+": "GTiff",
    b"\0\0\0\x0cjP  ": "JP2OpenJPEG",
    b"\xff\x4f\xff\x51": "JP2OpenJPEG",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"NITF": "NITF",
}
_FORMATS: Final = f"read are {', '.join(dict.fromkeys(DRIVERS.values()))}; gdal_translate -of COG makes a file that is"
SUFFIXES: Final = (".tif", ".tiff", ".jp2", ".ntf", ".png", ".jpg")  # of files that a folder is looked through for
VIRTUAL: Final = "/vsi"  # GDAL's own paths begin so
_ALONE: Final = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
}
_MAX_BLOCK_BYTES: Final = 256 << 20  # blocks are unpacked whole, so the largest one bounds the memory of a window
_MAX_SIDE: Final = 1 << 24  # rows, and columns: the earth's equator has 4 million of 10 m
_LARGEST_TYPE: Final = 16  # bytes of a pixel of a type that numpy does not know
# What rasterio raises: it does not make each of GDAL's own errors one of its public ones.
RASTER_ERRORS: Final = (RasterioError, CPLE_BaseError, OSError, ValueError, MemoryError)


@contextmanager
def quiet_gdal() -> Iterator[None]:
    """GDAL as it is told to be here, with what is no fault of a raster left unsaid."""
    with rasterio.Env(**_ALONE), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # patches need no place on the map
        warnings.simplefilter("ignore", NodataShadowWarning)  # an alpha band is no mask here anyway
        yield


@contextmanager
def gdal_errors(path: object) -> Iterator[None]:
    """Make one DataError, naming the file, of what GDAL says against it within; for use within ``quiet_gdal``."""
    try:
        yield
    except RASTER_ERRORS as error:
        if isinstance(error, RaysatError):
            raise
        cause = error.__cause__ or error  # rasterio's own words may only say that GDAL's say more
        raise DataError(f"{path} cannot be read: {cause}", hint="make the file again") from error


def is_raster(path: Path) -> bool:
    """Whether a file begins as one of a raster format that is read. Raises DataError where it cannot be read."""
    return _driver(path) is not None


def open_raster(path: Path) -> rasterio.DatasetReader:
    """Open a raster; nothing but its header is read. Close it again.

    Raises DataError, naming the file, where it is missing, no regular file, of a format that is not read, damaged, or
    stored in blocks too large to read a part of it.
    """
    driver = _driver(path)
    if driver is None:
        raise DataError(f"{path} is no raster of a format that is read", hint=_FORMATS)
    name = str(path.absolute())  # a relative name may look like another of GDAL's
    if name.startswith(VIRTUAL):
        raise DataError(f"{path} cannot be read: GDAL would not take it for a file", hint="move it to another folder")
    try:
        with quiet_gdal():
            file = rasterio.open(name, driver=driver, sharing=False)
    except RASTER_ERRORS as error:
        raise DataError(
            f"{path} cannot be read as a raster: {error.__cause__ or error}", hint="make the file again"
        ) from error
    return check_size(file, path)


def check_size(file: rasterio.DatasetReader, path: object) -> rasterio.DatasetReader:
    """Return the open file. Raises DataError where a part of it may fill the memory: by its blocks, or its sides."""
    together = file.count if file.interleaving == Interleaving.pixel else 1  # bands that are unpacked with each other
    fault, hint = "", "tile it: gdal_translate -of COG"
    for (height, width), kind in zip(file.block_shapes, file.dtypes, strict=True):
        if height * width * together * bytes_of(kind) > _MAX_BLOCK_BYTES:
            bands = f" and {together:,} bands" if together > 1 else ""
            fault = f"stored in blocks of {height:,} x {width:,} pixels{bands}, more than {_MAX_BLOCK_BYTES >> 20} MB"
    if max(file.height, file.width) > _MAX_SIDE:
        fault = f"{file.height:,} x {file.width:,} pixels, more than {_MAX_SIDE:,} along a side"
        hint = "cut it: gdal_translate -srcwin"
    if fault:
        file.close()
        raise DataError(f"{path} is {fault}", hint=hint)
    return file


def _driver(path: Path) -> str | None:
    """The format of a file by how it begins."""
    with open_regular(
        path, max_bytes=sys.maxsize, remedy="give the path of a file that is there", error=DataError
    ) as content:
        head = content.read(8)
    return next((driver for start, driver in DRIVERS.items() if head.startswith(start)), None)


def find_mask(path: Path) -> Path | None:
    """Return the mask that lies beside a file, if one does, whatever it is."""
    beside = (Path(f"{path}.msk"), Path(f"{path}.MSK"))
    return next((mask for mask in beside if os.path.lexists(mask)), None)


def bytes_of(kind: str) -> int:
    """Bytes of a pixel of a type that rasterio names."""
    try:
        return np.dtype(kind).itemsize
    except TypeError:
        return _LARGEST_TYPE
