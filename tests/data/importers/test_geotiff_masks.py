"""What a GeoTIFF says of its nodata: values and masks are believed, an alpha band only on request."""

import warnings

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.enums import ColorInterp, MaskFlags

from raysat.cli.data import data
from raysat.data.store import PatchStore
from raysat.errors import DataError
from tests.helpers.data import left_behind, write_manifest, write_tiff
from tests.helpers.importing import import_geotiff

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
NAIP = ("R", "G", "B", "N")


def pixels(seed, bands=4, side=6, dtype=np.uint8):
    """Random pixels without a zero, but for the first three rows of the last band."""
    drawn = np.random.default_rng(seed).integers(1, 200, (bands, side, side)).astype(dtype)
    drawn[-1, :3] = 0
    return drawn


@pytest.fixture
def write(tmp_path):
    """Write six files of pixels and their manifest, with two splits."""

    def write_all(images, **options):
        rows = []
        for index, image in enumerate(images):
            write_tiff(tmp_path / "tif" / f"{index}.tif", image, **options)
            rows.append(f"tif/{index}.tif,{'xy'[index % 2]},{'train' if index < 4 else 'val'}")
        return write_manifest(tmp_path / "m.csv", rows)

    return write_all


def add_mask(path, invalid, *, inside):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside), rasterio.open(path, "r+") as file:
        file.write_mask(~invalid)


@pytest.mark.parametrize(
    "options",
    [
        {},  # GDAL makes RGB and alpha of any four bands of 8 bits
        {"photometric": "RGB", "ALPHA": "YES"},
        {"photometric": "RGB", "ALPHA": "PREMULTIPLIED"},
        {"colors": (*RGB, ColorInterp.alpha)},
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_fourth_band_is_data_whatever_gdal_takes_it_for(write, tmp_path, options, dtype):
    images = [pixels(seed, dtype=dtype) for seed in range(6)]
    manifest = write(images, **options)
    with rasterio.open(tmp_path / "tif/0.tif") as file:
        is_alpha = MaskFlags.alpha in file.mask_flag_enums[0]
    assert is_alpha or (dtype is np.uint16 and not options)  # else nothing is tested
    store = import_geotiff(manifest, tmp_path / "s", bands=NAIP, sensor="naip").store
    np.testing.assert_array_equal(store.images, np.stack(images))
    assert store.nodata == (0, 0, 0, 0)
    words = ["import", "geotiff", str(manifest), "--sensor", "naip", "--out", str(tmp_path / "t")]
    result = CliRunner().invoke(data, words)
    assert result.exit_code == 0
    assert "nodata" not in result.output
    np.testing.assert_array_equal(PatchStore.open(tmp_path / "t").images, np.stack(images))


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("bands", [3, 4, 5])
def test_a_mask_inside_or_beside_a_file_is_believed(write, tmp_path, inside, bands):
    images = [pixels(seed, bands) for seed in range(6)]
    manifest = write(images)
    invalid = np.zeros((6, 6), bool)
    invalid[:, :2] = True
    add_mask(tmp_path / "tif/1.tif", invalid, inside=inside)
    assert (tmp_path / "tif/1.tif.msk").exists() != inside
    store = import_geotiff(manifest, tmp_path / "s", bands=[f"b{k}" for k in range(bands)], sensor=None).store
    assert store.nodata == (12,) * bands
    np.testing.assert_array_equal(store.missing(np.arange(6), 0), np.stack([invalid * (k == 1) for k in range(6)]))
    np.testing.assert_array_equal(store.images[1][:, ~invalid], images[1][:, ~invalid])
    np.testing.assert_array_equal(store.images[[0, 2]], np.stack(images)[[0, 2]])


def test_a_nodata_value_counts_in_every_band_even_beside_alpha(write, tmp_path, recwarn):
    images = [pixels(seed) for seed in range(6)]
    images[2][0, 5, 5] = 0
    store = import_geotiff(write(images, nodata=0), tmp_path / "s", bands=NAIP, sensor=None).store
    assert store.nodata == (1, 0, 0, 6 * 18)
    assert not recwarn.list


@pytest.mark.parametrize("at", [0, 2, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_on_request_the_alpha_band_is_a_mask_and_no_band(write, tmp_path, at, dtype):
    colors = list(RGB)
    colors.insert(at, ColorInterp.alpha)
    images = [np.insert(pixels(seed, dtype=dtype)[:3], at, pixels(seed)[3], axis=0) for seed in range(6)]
    manifest = write(images, colors=colors)
    words = ["import", "geotiff", str(manifest), "--bands", "r,g,b", "--alpha-mask", "--out", str(tmp_path / "s")]
    result = CliRunner().invoke(data, words)
    assert result.exit_code == 0, result.exception
    assert "nodata pixels in 6 patches (r 108, g 108, b 108)" in result.output
    store = PatchStore.open(tmp_path / "s")
    assert store.nodata == (108,) * 3
    np.testing.assert_array_equal(store.images[:, :, 3:], np.delete(np.stack(images), at, axis=1)[:, :, 3:])
    np.testing.assert_array_equal(
        store.missing(np.arange(6), 1), np.repeat([[[True] * 6] * 3 + [[False] * 6] * 3], 6, 0)
    )


def test_the_alpha_band_adds_to_what_is_nodata_otherwise(write, tmp_path):
    images = [pixels(seed, 5) for seed in range(6)]
    images[0][0, 5, 5] = 255
    colors = (*RGB, ColorInterp.undefined, ColorInterp.alpha)
    store = import_geotiff(
        write(images, nodata=255, colors=colors), tmp_path / "s", bands=NAIP, sensor="naip", alpha_mask=True
    ).store
    assert store.nodata == (109, 108, 108, 108)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"photometric": "RGB", "ALPHA": "NO"}, "it has no alpha band, and alpha_mask takes nodata from one"),
        ({"colors": (ColorInterp.alpha, *RGB[:2], ColorInterp.alpha)}, "it has 2 alpha bands"),
    ],
)
def test_alpha_needs_one_alpha_band(write, tmp_path, options, message):
    with pytest.raises(DataError, match=rf"m\.csv: row 2: .*tif/0\.tif: {message}") as caught:
        import_geotiff(
            write([pixels(seed) for seed in range(6)], **options),
            tmp_path / "s",
            bands=NAIP,
            sensor="naip",
            alpha_mask=True,
        )
    assert "leave alpha_mask out" in caught.value.hint
    assert left_behind(tmp_path) == ["m.csv", "tif"]


def test_the_number_of_bands_that_are_named_is_checked(write, tmp_path):
    manifest = write([pixels(seed) for seed in range(6)])
    with pytest.raises(DataError, match="it has 4 bands, bands names 3") as caught:
        import_geotiff(manifest, tmp_path / "s", bands=NAIP[:3], sensor=None)
    assert "alpha_mask" in caught.value.hint
    with pytest.raises(DataError, match="it has 3 bands beside the alpha band, sensor naip has 4") as caught:
        import_geotiff(manifest, tmp_path / "s", bands=NAIP, sensor="naip", alpha_mask=True)
    assert "alpha_mask" not in caught.value.hint


VIRTUAL = b'<VRTDataset rasterXSize="6" rasterYSize="6"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'


@pytest.mark.parametrize("suffix", [".msk", ".MSK"])
@pytest.mark.parametrize("content", [VIRTUAL, b"", b"no mask"])
def test_a_mask_that_is_no_tiff_is_refused(write, tmp_path, suffix, content):
    manifest = write([pixels(seed) for seed in range(6)])
    (tmp_path / f"tif/3.tif{suffix}").write_bytes(content)
    with pytest.raises(
        DataError, match=rf"row 5: .*3\.tif: .*3\.tif\{suffix} cannot be read: it is not a TIFF file"
    ) as caught:
        import_geotiff(manifest, tmp_path / "s", bands=NAIP, sensor=None)
    assert caught.value.hint


def test_a_mask_that_cannot_be_read_is_refused(write, tmp_path):
    manifest = write([pixels(seed) for seed in range(6)])
    add_mask(tmp_path / "tif/3.tif", np.eye(6, dtype=bool), inside=False)
    mask = tmp_path / "tif/3.tif.msk"
    small = {"driver": "GTiff", "count": 1, "height": 3, "width": 6, "dtype": "uint8"}
    with (
        warnings.catch_warnings(action="ignore"),
        rasterio.open(mask, "w", **small) as file,
    ):  # it has no place on the map
        file.write(np.zeros((1, 3, 6), np.uint8))
    with pytest.raises(
        DataError, match=r"row 5: .*3\.tif: its mask 3\.tif\.msk: it is 3 x 6 px, 1 band, uint8, the file is 6 x 6 px"
    ):
        import_geotiff(manifest, tmp_path / "s", bands=NAIP, sensor=None)
    mask.unlink()
    mask.mkdir()
    with pytest.raises(DataError, match=r"row 5: .*3\.tif: .*3\.tif\.msk cannot be read: it is a folder"):
        import_geotiff(manifest, tmp_path / "s", bands=NAIP, sensor=None)
