"""Files that are no scenes, are damaged, or would fill the memory are refused in one line."""

from pathlib import Path

import pytest
import rasterio
from rasterio.windows import Window

from raysat.data.scenes.gdal import open_raster
from raysat.data.scenes.raster import open_scene
from raysat.errors import DataError
from tests.helpers.scenes import CRS, TRANSFORM, noise, write_scene


def fake(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


VRT = b'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda tmp: tmp / "none.tif", "No such file"),
        (lambda tmp: Path("/vsicurl/http://localhost/x.tif"), "No such file"),
        (lambda tmp: fake(tmp, "s.vrt", VRT), "no raster of a format that is read"),
        (lambda tmp: fake(tmp, "s.tif", VRT), "no raster of a format that is read"),
        (lambda tmp: fake(tmp, "s.tif", b"II*\0"), "cannot be read as a raster"),
        (lambda tmp: fake(tmp, "s.tif", b""), "no raster of a format"),
        (lambda tmp: (tmp / "empty").mkdir() or tmp / "empty", "holds no raster"),
    ],
)
def test_what_is_no_raster_is_one_error(tmp_path, make, words):
    with pytest.raises(DataError, match=words) as caught:
        open_scene(make(tmp_path), bands=["a"])
    assert "\n" not in str(caught.value)


def test_a_damaged_file_is_an_error_that_names_it(tmp_path):
    blocks = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
    content = bytearray(write_scene(tmp_path / "s.tif", noise(), ("B02", "B03", "B04"), **blocks).read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    bad = tmp_path / "bad.tif"
    bad.write_bytes(content)
    with pytest.raises(DataError, match="bad"), open_scene(bad) as scene:
        scene.read(Window(0, 0, 80, 60))


def test_blocks_that_fill_the_memory_are_refused(tmp_path):
    path = tmp_path / "s.tif"
    profile = {"driver": "GTiff", "count": 1, "height": 20_000, "width": 20_000, "dtype": "uint8", "tiled": True}
    blocks = {"blockysize": 20_000, "blockxsize": 20_000, "compress": "deflate", "SPARSE_OK": True}
    with rasterio.open(path, "w", **profile, **blocks, crs=CRS, transform=TRANSFORM):
        pass
    with pytest.raises(DataError, match="blocks of 20,000 x 20,000"):
        open_scene(path, bands=["a"])


def test_blocks_of_many_bands_are_unpacked_together(tmp_path):
    profile = {"driver": "GTiff", "count": 300, "height": 2048, "width": 2048, "dtype": "uint16", "tiled": True}
    blocks = {"blockysize": 2048, "blockxsize": 2048, "compress": "deflate", "SPARSE_OK": True}
    for interleave in ("band", "pixel"):
        path = tmp_path / f"{interleave}.tif"
        with rasterio.open(path, "w", **profile, **blocks, interleave=interleave, crs=CRS, transform=TRANSFORM):
            pass
        assert path.stat().st_size < 1 << 20
    open_raster(tmp_path / "band.tif").close()
    with pytest.raises(DataError, match=r"blocks of 2,048 x 2,048 pixels and 300 bands, more than 256 MB"):
        open_raster(tmp_path / "pixel.tif")


def test_sides_beyond_any_scene_are_refused(tmp_path):
    path = tmp_path / "s.tif"
    profile = {"driver": "GTiff", "count": 1, "height": 16, "width": (1 << 24) + 1, "dtype": "uint8", "tiled": True}
    with rasterio.open(path, "w", **profile, SPARSE_OK=True, crs=CRS, transform=TRANSFORM):
        pass
    with pytest.raises(DataError, match=r"16 x 16,777,217 pixels, more than 16,777,216 along a side"):
        open_raster(path)
