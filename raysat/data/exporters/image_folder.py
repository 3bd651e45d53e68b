"""Folders of classes with an image a patch, as torchvision's ImageFolder and torchgeo's classification data sets read.

    imagefolder   train/<class>/0000017.tif, val/..., test/...
    torchgeo      <class>/0000017.tif, and train.txt, val.txt, test.txt with the names of each split's files

An image is named by its patch's position in the store. It is PNG where the store holds three bands of uint8 and no
nodata, else GeoTIFF (deflate, bands named); nodata lies beside it as GDAL's ``.msk``, one mask a band. Row N of
``places.npy`` says where patch N lies, and not its image: a store knows the centre of each, not how its pixels lie
around it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from raysat.data.exporters.base import Export, Row
from raysat.data.exporters.description import write_description
from raysat.data.nodata import Mask
from raysat.data.splits import SPLITS

_RESERVED: Final = '%/\\<>:"|?*'  # in no file's name on some system; % says what was replaced
_TIFF: Final = {"driver": "GTiff", "compress": "deflate", "photometric": "minisblack", "alpha": "no"}
_QUIET: Final = {"GDAL_PAM_ENABLED": "NO"}  # no .aux.xml beside


def folder_name(name: str) -> str:
    """The folder of a class: its name, but for characters that no folder has on some system, as ``%2F``."""
    written = "".join(quote(char, safe="") if char in _RESERVED else char for char in name)
    return f"%2E{written[1:]}" if written.startswith(".") else written


def write_split_folders(export: Export) -> Iterator[str]:
    """Write ``split/class/image``."""
    store, folder = export.store, export.folder
    present = [split for split in SPLITS if store.counts(split).any()]
    for split in present:
        for name in store.classes:  # empty ones too: torchvision numbers the classes that it finds
            (folder / split / folder_name(name)).mkdir(parents=True)
    for row, image in _images(export):
        image.write(folder / row.split / folder_name(store.classes[row.label]), row.number)
    write_description(export.told, store, folder)
    for split in present:
        if empty := [name for name, count in zip(store.classes, store.counts(split), strict=True) if not count]:
            yield f"{split} has no patch of {', '.join(empty)}: give ImageFolder allow_empty=True"
    yield from _other_order(store.classes)


def write_class_folders(export: Export) -> Iterator[str]:
    """Write ``class/image`` and a list of files for each split."""
    store, folder = export.store, export.folder
    for name in store.classes:
        (folder / folder_name(name)).mkdir()
    files: dict[str, list[str]] = {split: [] for split in SPLITS}
    for row, image in _images(export):
        files[row.split].append(image.write(folder / folder_name(store.classes[row.label]), row.number))
    for split, names in files.items():
        if names:
            (folder / f"{split}.txt").write_text("".join(f"{name}\n" for name in names), encoding="ascii")
    write_description(export.told, store, folder)
    yield from _other_order(store.classes)


class _Image:
    """A patch that is ready to be written as a file."""

    def __init__(self, content: bytes, suffix: str, mask: bytes | None) -> None:
        self._content, self._suffix, self._mask = content, suffix, mask

    def write(self, folder: Path, row: int) -> str:
        """Write it, and its mask beside it; return its name."""
        name = f"{row:07d}{self._suffix}"
        (folder / name).write_bytes(self._content)
        if self._mask is not None:
            (folder / f"{name}.msk").write_bytes(self._mask)
        return name


def _images(export: Export) -> Iterator[tuple[Row, _Image]]:
    told = export.told
    png = told.shape[1] == 3 and told.dtype == "uint8" and not told.nodata
    with rasterio.Env(**_QUIET):
        for row in export.rows():
            if png:
                yield row, _Image(_encoded(row.pixels, {"driver": "PNG"}), ".png", None)
            else:
                mask = None if row.missing is None else _encoded_mask(row.missing)
                yield row, _Image(_encoded(row.pixels, _TIFF, told.bands), ".tif", mask)


def _encoded(pixels: npt.NDArray[Any], options: dict[str, str], bands: Sequence[str] = ()) -> bytes:
    with MemoryFile() as memory:
        with _created(memory, pixels.shape, pixels.dtype.name, options) as file:
            file.write(pixels)
            for index, band in enumerate(bands, 1):
                file.set_band_description(index, band)
        return bytes(memory.read())


def _encoded_mask(missing: Mask) -> bytes:
    """GDAL's form of a mask file: 0 where a pixel is nodata, a band for each of the image's."""
    with MemoryFile() as memory:
        with _created(memory, missing.shape, "uint8", _TIFF) as file:
            file.write(np.where(missing, 0, 255).astype(np.uint8))
            file.update_tags(**{f"INTERNAL_MASK_FLAGS_{band}": "0" for band in range(1, len(missing) + 1)})
        return bytes(memory.read())


@contextmanager
def _created(memory: MemoryFile, shape: tuple[int, ...], dtype: str, options: dict[str, str]) -> Iterator[Any]:
    """An image in memory, so that a full disk is an error of the system's and not one of GDAL's."""
    count, height, width = shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a store knows centres, not how pixels lie around
        with memory.open(count=count, height=height, width=width, dtype=dtype, **options) as file:
            yield file


def _other_order(classes: Sequence[str]) -> Iterator[str]:
    """What number other tools give a class: its place among the sorted folders."""
    folders = [folder_name(name) for name in classes]
    if folders != sorted(folders):
        yield f"other tools number the classes by folder name: {', '.join(sorted(folders))}"
