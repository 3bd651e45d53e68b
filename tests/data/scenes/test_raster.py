"""Scenes are read as rasterio reads them, band by name, with what is missing; what does not fit is refused."""

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import Affine
from rasterio.windows import Window

from raysat.data.scenes.bands import without_band
from raysat.data.scenes.raster import open_scene
from raysat.errors import BandError, DataError, UsageError
from tests.helpers.data import quick
from tests.helpers.scenes import TRANSFORM, noise, write_scene

pytestmark = pytest.mark.slow

NAMES = ("B02", "B03", "B04")


@pytest.fixture(scope="module")
def tiled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    options = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
    return write_scene(folder / "s.tif", noise(), NAMES, nodata=7, **options)


@pytest.mark.slow
@quick
@given(left=st.integers(-90, 90), top=st.integers(-70, 70), width=st.integers(1, 40), height=st.integers(1, 40))
def test_a_window_is_what_rasterio_reads_wherever_it_lies(tiled, left, top, width, height):
    window = Window(left, top, width, height)
    with open_scene(tiled) as scene, rasterio.open(tiled) as file:
        pixels, missing = scene.read(window)
        expected = file.read(window=window, boundless=True, fill_value=0)
        rows, columns = np.mgrid[top : top + height, left : left + width]
    outside = (rows < 0) | (columns < 0) | (rows >= 60) | (columns >= 80)
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels, expected)
    lost = np.zeros(pixels.shape, bool) if missing is None else missing
    np.testing.assert_array_equal(lost, np.broadcast_to(outside, pixels.shape) | (expected == 7) & ~outside)


def test_what_a_scene_says_of_itself(tiled):
    with open_scene(tiled) as scene:
        assert (scene.name, scene.bands, scene.dtype) == ("s", NAMES, "uint16")
        assert (scene.height, scene.width, scene.pixel_size) == (60, 80, 10)
        assert (scene.crs.to_epsg(), scene.transform) == (32635, TRANSFORM)
        assert scene.nodata == (7, 7, 7)
        assert not scene.resampled


@pytest.mark.parametrize(
    ("described", "bands", "sensor", "found"),
    [
        (("B02", "B03", "B04"), None, None, [0, 1, 2]),
        (("B02", "B03", "B04"), ["B04", "B02"], None, [2, 0]),
        (("b4", "B3", "B02, central wavelength 490 nm"), ["B02", "B04"], "sentinel2", [2, 0]),
        (("Red", "Green", "Blue"), ["B02", "B04"], "sentinel2", [2, 0]),
        (("Red", "Green", "Blue"), ["x", "y", "z"], None, [0, 1, 2]),
        (("nir", "red", "green"), None, "planetscope4", [0, 1, 2]),
        ((), ["B04", "B03", "B02"], "sentinel2", [0, 1, 2]),
        ((), ["x", "y", "z"], None, [0, 1, 2]),
    ],
)
def test_bands_are_taken_by_name_else_by_order(tmp_path, described, bands, sensor, found):
    pixels = noise()
    path = write_scene(tmp_path / "s.tif", pixels, described)
    with open_scene(path, bands=bands, sensor=sensor) as scene:
        read, _ = scene.read(Window(0, 0, 80, 60))
        np.testing.assert_array_equal(read, pixels[found])
        assert bands is None or scene.bands == tuple(bands)


def test_some_bands_of_an_undescribed_file_of_a_whole_sensor(tmp_path):
    pixels = noise(12)
    path = write_scene(tmp_path / "s.tif", pixels)
    with open_scene(path, bands=["B04", "B8A"], sensor="sentinel2_l2a") as scene:
        np.testing.assert_array_equal(scene.read(Window(0, 0, 80, 60))[0], pixels[[3, 8]])


@pytest.mark.parametrize(
    ("described", "bands", "sensor", "words"),
    [
        ((), None, None, "the bands are not named"),
        ((), None, "sentinel2", "it has 3 bands, sensor sentinel2 has 13"),
        ((), ["B02"], None, "it has 3 bands, 1 are named"),
        (("B02", "B03", "B04"), ["B02", "B08"], "sentinel2", "it has no band B08; it has 'B02', 'B03', 'B04'"),
        (("B02", "B2", "B04"), None, "sentinel2", "bands 1 and 2 are both called B02"),
        ((), None, "sentinel9", "unknown sensor"),
    ],
)
def test_bands_that_are_not_there_are_refused(tmp_path, described, bands, sensor, words):
    path = write_scene(tmp_path / "s.tif", noise(), described)
    with pytest.raises((BandError, UsageError), match=words):
        open_scene(path, bands=bands, sensor=sensor)


@pytest.mark.parametrize(
    ("stem", "names", "band", "rest"),
    [
        ("l8_B1", ["B1", "B10"], "B1", "l8_"),
        ("l8_B10", ["B1", "B10"], "B10", "l8_"),
        ("LC08_L2SP_034030_20190513_02_T1_SR_B4", ["SR_B4", "SR_B5"], "SR_B4", "LC08_L2SP_034030_20190513_02_T1_"),
        ("T32TQM_20200101T100000_B8A_20m", ["B08", "B8A"], "B8A", "T32TQM_20200101T100000__20m"),
        ("T32TQM_20200101T100000_b8_20m", ["B08", "B8A"], "B08", "T32TQM_20200101T100000__20m"),
        ("scene", ["B1"], None, "scene"),
        ("B10B11", ["B10", "B11"], None, "B10B11"),
    ],
)
def test_files_are_named_by_their_band(stem, names, band, rest):
    assert without_band(stem, names) == (band, rest)


def write_bands(folder, pixels, names, prefix="s_"):
    return [write_scene(folder / f"{prefix}{name}.tif", band[None]) for name, band in zip(names, pixels, strict=True)]


def test_a_folder_of_bands_is_a_scene(tmp_path):
    pixels = noise()
    files = write_bands(tmp_path / "it", pixels, NAMES)
    (tmp_path / "it" / "s_MTL.txt").write_text("metadata")
    for paths, bands, sensor, name in (
        (tmp_path / "it", ["B04", "B02", "B03"], None, "it"),
        (tmp_path / "it", None, None, "it"),
        (files, None, "sentinel2", "s"),
    ):
        with open_scene(paths, bands=bands, sensor=sensor) as scene:
            read, missing = scene.read(Window(5, 6, 20, 30))
            order = [NAMES.index(band) for band in scene.bands]
            np.testing.assert_array_equal(read, pixels[order, 6:36, 5:25])
            assert missing is None
            assert scene.name == name
            assert bands is None or scene.bands == tuple(bands)


def test_bands_on_two_grids_are_refused_with_both_or_resampled(tmp_path):
    coarse, fine = noise(2, 30, 40), noise(1, 60, 80)
    write_bands(tmp_path / "s", coarse, ("B5", "B6"))
    write_scene(tmp_path / "s" / "s_B8.tif", fine, transform=Affine(5, 0, 600_000, 0, -5, 4_800_000))
    with pytest.raises(DataError, match=r"80 x 60 px of 5 m.*; the other bands are 40 x 30 px of 10 m") as caught:
        open_scene(tmp_path / "s", bands=["B5", "B6", "B8"])
    assert "resample" in caught.value.hint
    with open_scene(tmp_path / "s", bands=["B5", "B6", "B8"], resample=True) as scene:
        assert (scene.width, scene.height, scene.pixel_size, scene.resampled) == (40, 30, 10, True)
        read, missing = scene.read(Window(3, 2, 20, 20))
    assert missing is None
    np.testing.assert_array_equal(read[:2], coarse[:, 2:22, 3:23])
    means = fine[0].reshape(30, 2, 40, 2).mean(axis=(1, 3))[2:22, 3:23]
    assert np.abs(read[2] - means).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    "transform",
    [
        Affine(10, 0, 600_000, 0, 10, 4_800_000),
        Affine(-10, 0, 6e5, 0, -10, 4.8e6),
        Affine.rotation(30) @ Affine.scale(10, -10),
    ],
    ids=["south up", "mirrored", "rotated"],
)
def test_a_rotated_or_mirrored_grid_is_refused_or_resampled(tmp_path, transform):
    smooth = np.add.outer(np.arange(60), np.arange(80))[None].astype(np.float32) + 100
    path = write_scene(tmp_path / "s.tif", smooth, ["a"], transform=transform, nodata=-1)
    with pytest.raises(DataError, match="rotated or mirrored"):
        open_scene(path)
    with open_scene(path, resample=True) as scene:
        read, missing = scene.read(Window(0, 0, scene.width, scene.height))
        missing = np.zeros(read.shape, bool) if missing is None else missing
        assert not scene.grid.rotated
        assert scene.pixel_size == pytest.approx(10)
        rows, columns = np.mgrid[: scene.height, : scene.width]
        x, y = scene.transform @ (columns + 0.5, rows + 0.5)
        there, down = ~transform @ (x, y)
    inner = (there > 1) & (there < 79) & (down > 1) & (down < 59)
    assert not missing[0][inner].any()
    assert missing[0][(there < -1) | (there > 81) | (down < -1) | (down > 61)].all()
    assert np.abs(read[0][inner] - (there + down - 1 + 100)[inner]).max() < 1.5


def test_a_geographic_scene_has_no_pixel_size_until_it_is_resampled(tmp_path):
    degrees = Affine(0.0001, 0, 27.0, 0, -0.0001, 43.0)
    path = write_scene(tmp_path / "s.tif", noise(1), ["a"], crs="EPSG:4326", transform=degrees)
    with open_scene(path) as scene:
        assert scene.pixel_size is None
    with open_scene(path, resample=True, pixel_size=10) as scene:
        assert scene.crs.to_epsg() == 32635
        assert scene.pixel_size == 10


@pytest.mark.parametrize("beside", [True, False])
def test_masks_are_honoured_in_the_file_and_beside_it(tmp_path, beside):
    pixels, mask = noise(2), np.random.default_rng(5).random((60, 80)) < 0.3
    path = write_scene(tmp_path / "s.tif", pixels, ["a", "b"])
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=not beside), rasterio.open(path, "r+") as file:
        file.write_mask(~mask)
    assert (tmp_path / "s.tif.msk").exists() == beside
    with open_scene(path) as scene:
        _, missing = scene.read(Window(0, 0, 80, 60))
    np.testing.assert_array_equal(missing, np.stack([mask, mask]))


def test_what_is_no_number_is_missing(tmp_path):
    pixels = noise(1, dtype=np.float32)
    pixels[0, 3, 4], pixels[0, 5, 6] = np.nan, np.inf
    with open_scene(write_scene(tmp_path / "s.tif", pixels, ["a"])) as scene:
        _, missing = scene.read(Window(0, 0, 80, 60))
    assert list(zip(*map(list, np.nonzero(missing[0])), strict=True)) == [(3, 4), (5, 6)]


def test_an_overview_is_of_the_whole_scene(tmp_path):
    pixels = np.repeat(np.repeat(noise(2, 30, 40), 4, axis=1), 4, axis=2)
    pixels[:, :40] = 7
    with open_scene(write_scene(tmp_path / "s.tif", pixels, ["a", "b"], nodata=7)) as scene:
        small, missing = scene.overview(40)
    np.testing.assert_array_equal(small, pixels[:, 2::4, 2::4])
    np.testing.assert_array_equal(missing, small == 7)


def test_a_band_that_is_called_alpha_is_read_but_not_resampled(tmp_path):
    """As rasterio and GDAL call the fourth band of every plain 8-bit file: the infrared of aerial images."""
    pixels = noise(4, dtype=np.uint8)
    names = ("R", "G", "B", "N")
    path = write_scene(tmp_path / "s.tif", pixels, names)
    with open_scene(path) as scene:
        read, missing = scene.read(Window(0, 0, 80, 60))
        np.testing.assert_array_equal(read, pixels)
        assert missing is None
    with pytest.raises(DataError, match="its band 4 is alpha, so it is not resampled") as caught:
        open_scene(path, resample=True, pixel_size=20)
    assert "-colorinterp_4 undefined" in caught.value.hint
    plain = write_scene(tmp_path / "plain.tif", pixels, names, photometric="MINISBLACK", alpha="NO")
    with open_scene(plain, resample=True, pixel_size=20) as scene:
        read, missing = scene.read(Window(0, 0, 40, 30))
    assert missing is None
    assert np.abs(read - pixels.reshape(4, 30, 2, 40, 2).mean(axis=(2, 4))).max() <= 0.5


def test_bands_of_two_types_are_refused(tmp_path):
    write_scene(tmp_path / "s" / "s_B1.tif", noise(1))
    write_scene(tmp_path / "s" / "s_B2.tif", noise(1, dtype=np.float32))
    with pytest.raises(DataError, match="of several types: float32, uint16"):
        open_scene(tmp_path / "s", bands=["B1", "B2"])


def test_two_files_of_one_band_are_refused(tmp_path):
    for name in ("s_B02_10m", "s_B02_20m"):
        write_scene(tmp_path / "s" / f"{name}.tif", noise(1))
    with pytest.raises(DataError, match=r"s_B02_10m.tif and s_B02_20m.tif are both band B02"):
        open_scene(tmp_path / "s", bands=["B02"])


def test_the_real_scene_says_its_grid(real_data):
    folder = real_data / "landsat8"
    with pytest.raises(DataError, match=r"1,254 x 1,207 px of 15 m.*627 x 603 px of 30 m"):
        open_scene(folder, sensor="landsat8")
    with open_scene(folder, sensor="landsat8", resample=True) as scene:
        assert (scene.width, scene.height, scene.pixel_size, len(scene.bands)) == (627, 603, 30, 11)
        read, _ = scene.read(Window(100, 200, 50, 40))
    with rasterio.open(folder / "l8_B5.tif") as file:
        np.testing.assert_array_equal(read[4], file.read(1, window=Window(100, 200, 50, 40)))
