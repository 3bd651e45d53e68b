"""Opens one GeoTIFF file and nothing else: no other format, no file beside it, no network, no memory before a look.

GDAL takes names for virtual paths, opens some hundred formats that lead to further files, and looks for companions of
each file (``.aux.xml``, ``.ovr``, ``.msk``, world files). Here a name is the path of a regular file that begins as TIFF
files do, only the TIFF driver sees it, and GDAL is told that its folder is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import rasterio
from rasterio.errors import RasterioError

from raysat.data.importers.form import MAX_PATCH_BYTES, Form
from raysat.data.scenes.gdal import VIRTUAL, bytes_of, quiet_gdal
from raysat.errors import DataError
from raysat.files import open_regular

_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # how a file begins: either byte order, classic or BigTIFF
_PICTURES: Final = dict.fromkeys(_TIFF, "GTiff") | {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG"}
_KINDS: Final = {"GTiff": "GeoTIFF", "PNG": "PNG", "JPEG": "JPEG"}
_MAX_FILE_BYTES: Final = 4 * MAX_PATCH_BYTES  # with overviews and a mask
_REMEDY: Final = "make it again, or drop the row"


@contextmanager
def open_tiff(path: Path) -> Iterator[rasterio.DatasetReader]:
    """Open a GeoTIFF file; what GDAL says against it while it is open becomes an error of one line.

    Raises DataError, naming the file, where it is missing, no regular file, no TIFF, too large or damaged.
    """
    if _head(path) not in _TIFF:
        raise DataError(f"{path} cannot be read: it is not a TIFF file", hint=_REMEDY)
    with _opened(path, "GTiff") as file:
        yield file


@contextmanager
def open_picture(path: Path) -> Iterator[rasterio.DatasetReader]:
    """Open a GeoTIFF, PNG or JPEG file, whichever it begins as, in the same way as ``open_tiff``."""
    head = _head(path)
    driver = next((driver for begins, driver in _PICTURES.items() if head.startswith(begins)), None)
    if driver is None:
        raise DataError(f"{path} cannot be read: it is neither TIFF, PNG nor JPEG", hint="make it again, or remove it")
    with _opened(path, driver) as file:
        yield file


def _head(path: Path) -> bytes:
    """How a file begins, four bytes. Raises DataError where it is no regular file, or too large."""
    remedy = "paths are relative to the manifest's folder"
    with open_regular(path, max_bytes=_MAX_FILE_BYTES, remedy=remedy, error=DataError) as content:
        return content.read(4)


@contextmanager
def _opened(path: Path, driver: str) -> Iterator[rasterio.DatasetReader]:
    name = str(path.absolute())  # a relative name may look like another of GDAL's
    if name.startswith(VIRTUAL):
        raise DataError(f"{path} cannot be read: GDAL would not take it for a file", hint="move it to another folder")
    try:
        with quiet_gdal(), rasterio.open(name, driver=driver, sharing=False) as file:
            yield file
    except (RasterioError, OSError, ValueError, MemoryError) as error:
        cause = error.__cause__ or error  # rasterio's own words may only say that GDAL's say more
        raise DataError(f"{path} cannot be read as {_KINDS[driver]}: {cause}", hint=_REMEDY) from error


def form_of(file: rasterio.DatasetReader, indexes: Sequence[int]) -> Form:
    """Return the form that some bands of a file declare."""
    return Form(bands=len(indexes), height=file.height, width=file.width, dtype=file.dtypes[0])


def check_memory(file: rasterio.DatasetReader, form: Form) -> None:
    """Raise DataError where a file's pixels take more memory than a patch may, or its blocks do.

    Blocks are unpacked whole, and a small image may lie in the corner of a large one.
    """
    form.check_bytes(bytes_of(form.dtype))
    for (height, width), kind in zip(file.block_shapes, file.dtypes, strict=True):
        if height * width * bytes_of(kind) > MAX_PATCH_BYTES:
            raise DataError(
                f"its blocks of {height:,} x {width:,} pixels take more than the {MAX_PATCH_BYTES >> 20} MB of a patch",
                hint="cut large scenes into patches first",
            )
