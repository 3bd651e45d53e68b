"""GeoTIFFs that are bombs, damaged, or call for other files: refused by their header; nothing beside them is read."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from raysat.data.patch_store import PatchStore
from tests.helpers.data import random_pixels, write_tiff
from tests.helpers.hostile import Raysat

pytestmark = pytest.mark.timeout(20)


def declare(path: Path, count: int, height: int, width: int, **options: Any) -> None:
    """Write a small file that declares so many pixels and holds none of them."""
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": "uint16"}
    with rasterio.open(path, "w", SPARSE_OK=True, **profile, **options):
        pass
    assert path.stat().st_size < 10_000_000


@pytest.mark.parametrize("row", [0, 2])
@pytest.mark.parametrize(
    ("size", "options"),
    [
        ((1, 100_000, 100_000), {"tiled": True, "blockxsize": 8192, "blockysize": 8192}),
        ((2, 100_000, 100_000), {"tiled": True, "blockxsize": 8192, "blockysize": 8192}),
        ((2, 20_000, 20_000), {"tiled": True}),
        ((2, 20_000, 20_000), {"compress": "deflate", "tiled": True}),
        ((2, 6, 6), {"tiled": True, "blockxsize": 32_768, "blockysize": 32_768}),
        ((60_000, 6, 6), {"interleave": "band"}),
    ],
    ids=["one band", "10^10", "20,000", "deflate", "one block", "60,000 bands"],
)
def test_an_image_larger_than_a_patch_is_refused_before_it_is_read(
    refused: Callable[..., None], source: Path, row: int, size: tuple[int, int, int], options: dict[str, Any]
) -> None:
    declare(source / f"{row}.tif", *size, **options)
    refused(
        "geotiff",
        f"row {row + 2}",
        "bands" if size[0] != 2 else "MB" if row == 0 or size[1] == 6 else "the ones before it are 6 x 6 px",
    )


def test_a_bomb_is_refused_before_it_is_unpacked(refused: Callable[..., None], source: Path) -> None:
    profile = {"driver": "GTiff", "count": 2, "height": 6000, "width": 6000, "dtype": "uint16", "compress": "zstd"}
    with rasterio.open(source / "0.tif", "w", tiled=True, **profile) as file:
        file.write(np.zeros((2, 6000, 6000), np.uint16))
    assert (source / "0.tif").stat().st_size < 500_000
    refused("geotiff", "row 2", "more than 64 MB for a patch")


@pytest.fixture(name="visited")
def _visited() -> Iterator[list[str]]:
    """A server on this machine, and who called."""
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen.append(str(server.getsockname()[1]))

        def answer() -> None:
            while True:
                try:
                    with server.accept()[0] as client:
                        seen.append(client.recv(100).decode("latin-1"))
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        yield seen


def test_files_beside_an_image_change_nothing(raysat: Raysat, source: Path, tmp_path: Path, visited: list[str]) -> None:
    away = f"/vsicurl/http://127.0.0.1:{visited[0]}/x.tif"
    inner = f'<SourceFilename relativeToVRT="0">{away}</SourceFilename>'
    for name in ("0.tif.aux.xml", "0.aux.xml", "0.tif.ovr", "0.ovr", "0.tfw", "0.IMD", "0.RPB", "0_rpc.txt", "0.tab"):
        (source / name).write_text(
            f'<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:{visited[0]}/e">]><PAMDataset>&e;{inner}'
            '<PAMRasterBand band="1"><NoDataValue>5</NoDataValue></PAMRasterBand></PAMDataset>'
        )
    expected = random_pixels(0)
    expected[0, 0, 0] = 5
    write_tiff(source / "0.tif", expected)
    (source / "0.tif.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><NoDataValue>5</NoDataValue></PAMRasterBand></PAMDataset>'
    )
    done = raysat("data", "import", "geotiff", source / "m.csv", "--bands", "r,g", "--out", tmp_path / "s")
    assert (done.code, done.err) == (0, "")
    store = PatchStore.open(tmp_path / "s")
    np.testing.assert_array_equal(store.images[0], expected)
    assert store.nodata == (0, 0)
    assert visited[1:] == []


@pytest.mark.parametrize("cut", [4, 8, 12, 60, 150, -1])
def test_a_damaged_image_is_one_error(refused: Callable[..., None], source: Path, cut: int) -> None:
    (source / "1.tif").write_bytes((source / "1.tif").read_bytes()[:cut])
    refused("geotiff", "m.csv: row 3: ", "1.tif cannot be read as GeoTIFF")


def test_an_image_that_lists_itself_ends(refused: Callable[..., None], source: Path) -> None:
    content = bytearray((source / "1.tif").read_bytes())
    first = struct.unpack("<I", content[4:8])[0]
    entries = struct.unpack("<H", content[first : first + 2])[0]
    content[first : first + 2] = struct.pack("<H", 65_535)
    (source / "1.tif").write_bytes(content)
    assert entries < 65_535
    refused("geotiff", "1.tif")
