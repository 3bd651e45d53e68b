"""Scenes that nobody should map: damaged, of another kind, or made to fill a memory."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from rasterio.transform import Affine

from tests.helpers.maps import BANDS, NORTH_UP, random_pixels, write_scene

_TILES: Final = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
_VRT: Final = """<VRTDataset rasterXSize="256" rasterYSize="256"><VRTRasterBand dataType="UInt16" band="1">
<SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"""


def _sound(path: Path, **options: Any) -> Path:
    return write_scene(path, random_pixels(256, 256), **(_TILES | options))


def _truncated(path: Path) -> None:
    content = _sound(path).read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])


def _damaged(path: Path) -> None:
    """One tile that only the map itself comes to."""
    _sound(path)
    with rasterio.open(path) as file:
        place, size = (int(file.get_tag_item(f"BLOCK_{what}_1_1", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE"))
    content = bytearray(path.read_bytes())
    content[place : place + size] = bytes(size)
    path.write_bytes(content)


def _sparse(path: Path, **shape: Any) -> None:
    profile = {"driver": "GTiff", "dtype": "uint16", "crs": "EPSG:32632", "transform": NORTH_UP, "tiled": True}
    with rasterio.open(path, "w", **(profile | shape), SPARSE_OK=True, BIGTIFF="YES"):
        pass


def _unknown_crs(path: Path) -> None:
    """The EPSG code of its projection is one that nobody gave."""
    content, key = _sound(path).read_bytes(), (3072, 0, 1)  # ProjectedCSTypeGeoKey
    assert struct.pack("<HHHH", *key, 32632) in content
    path.write_bytes(content.replace(struct.pack("<HHHH", *key, 32632), struct.pack("<HHHH", *key, 9999)))


def _rotated(path: Path) -> None:
    _sound(path, transform=Affine.translation(500_000, 5_000_000) @ Affine.rotation(20) @ Affine.scale(10, -10))


def _of_other_bands(path: Path) -> None:
    write_scene(path, random_pixels(64, 64)[:2], bands=BANDS[:2])


def _of_another_type(path: Path) -> None:
    write_scene(path, random_pixels(64, 64).astype(np.float32))


def _bomb(path: Path) -> None:
    """A few kilobytes, of which a block is 2.5 GB."""
    blocks = {"blockxsize": 2048, "blockysize": 2048, "interleave": "pixel", "compress": "deflate"}
    _sparse(path, count=300, height=2048, width=2048, **blocks)


# How each is made, and what is said of it.
HOSTILE_RASTERS: Final[Mapping[str, tuple[Callable[[Path], object], str]]] = {
    "truncated": (_truncated, "cannot be read"),
    "damaged in one tile": (_damaged, "cannot be read"),
    "text": (lambda path: path.write_text("no raster"), "is no raster of a format that is read"),
    "a list of other files": (lambda path: path.write_text(_VRT), "is no raster of a format that is read"),
    "giant": (
        lambda path: _sparse(path, count=3, height=16, width=1 << 25),
        "is 16 x 33,554,432 pixels, more than 16,777,216 along a side",
    ),
    "a bomb": (_bomb, "is stored in blocks of 2,048 x 2,048 pixels and 300 bands, more than 256 MB"),
    "of an unknown CRS": (_unknown_crs, "its pixel size is not known in metres, the model was trained on 10 m"),
    "rotated": (_rotated, "is rotated or mirrored"),
    "south up": (lambda path: _sound(path, transform=Affine(10, 0, 5e5, 0, 10, 5e6)), "is rotated or mirrored"),
    "of fewer bands": (_of_other_bands, "it has no band B04"),
    "of another type": (_of_another_type, "is float32, the model was trained on uint16"),
}
