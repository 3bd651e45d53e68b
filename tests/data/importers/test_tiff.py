"""Opening a GeoTIFF: the file alone, and no memory before a look."""

import numpy as np
import pytest
import rasterio

from raysat.data.importers.tiff import check_memory, form_of, open_tiff
from raysat.data.scenes.gdal import find_mask
from raysat.errors import DataError
from tests.helpers.data import write_tiff


@pytest.fixture
def file(tmp_path):
    return write_tiff(tmp_path / "a.tif", np.arange(2 * 4 * 5, dtype=np.uint16).reshape(2, 4, 5))


def test_form_and_pixels_of_a_file(file):
    with open_tiff(file) as opened:
        form = form_of(opened, [2])
        check_memory(opened, form)
        assert (form.bands, form.height, form.width, form.dtype) == (1, 4, 5, "uint16")
        np.testing.assert_array_equal(opened.read(1), np.arange(20).reshape(4, 5))


def test_gdal_is_told_that_the_folder_is_empty(file):
    with rasterio.Env(), rasterio.open(file, "r+") as opened:
        opened.build_overviews([2])
    with rasterio.open(f"{file}.ovr", "w", driver="GTiff", count=2, height=2, width=2, dtype="uint16") as beside:
        beside.write(np.zeros((2, 2, 2), np.uint16))
    (file.parent / "a.tif.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand></PAMDataset>'
    )
    with open_tiff(file) as opened:
        assert opened.nodatavals == (None, None)
        assert opened.files == [str(file)]


def test_the_mask_beside_a_file_is_found_whatever_it_is(file):
    assert find_mask(file) is None
    (file.parent / "a.tif.MSK").symlink_to("nowhere")
    assert find_mask(file) == file.parent / "a.tif.MSK"
    (file.parent / "a.tif.msk").mkdir()
    assert find_mask(file) == file.parent / "a.tif.msk"


def test_what_gdal_says_while_a_file_is_open_becomes_an_error(file):
    file.write_bytes(file.read_bytes()[:-30])
    with (
        pytest.raises(DataError, match=r"a\.tif cannot be read as GeoTIFF: .*band") as caught,
        open_tiff(file) as opened,
    ):
        opened.read()
    assert caught.value.message.isprintable()


def test_an_error_of_the_reader_passes_as_it_is(file):
    with pytest.raises(DataError, match=r"^mine$"), open_tiff(file):
        raise DataError("mine")
