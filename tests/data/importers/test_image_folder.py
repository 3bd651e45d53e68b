"""Folders of classes with an image a patch, as other tools leave them: found whole, and each fault named."""

import shutil

import numpy as np
import pytest
import rasterio
from PIL import Image

from raysat.data.exporters.write import export_store
from raysat.data.importers.converted import Given
from raysat.data.importers.image_folder import read_image_folder
from raysat.data.importers.write import import_patches
from raysat.errors import DataError, UsageError
from tests.helpers.data import left_behind, patches, random_pixels, splits_of, write_store, write_tiff

BANDS = ("r", "g")


@pytest.fixture
def flat(tmp_path):
    """Two classes of four images, without a word on splits."""
    for index in range(8):
        name = ("grass", "water")[index % 2]
        write_tiff(tmp_path / "in" / name / f"{name}_{index}.tif", random_pixels(index))
    return tmp_path / "in"


def run(source, out, **options):
    return import_patches(read_image_folder(source, Given(**{"bands": BANDS, **options})), out)


def lists(folder, prefix="", **names):
    for split, lines in names.items():
        (folder / f"{prefix}{split}.txt").write_text("\n".join(lines))


def test_folders_of_splits(tmp_path):
    for index, split in enumerate(splits_of(12)):
        write_tiff(tmp_path / "in" / split / f"c{index % 2}" / f"{index}.TIF", random_pixels(index))
    done = run(tmp_path / "in", tmp_path / "s")
    assert done.store.classes == ("c0", "c1")
    assert [list(done.store.counts(split)) for split in ("train", "val", "test")] == [[2, 2]] * 3
    np.testing.assert_array_equal(done.store.images[0], random_pixels(0))
    assert done.notes == ()


def test_classes_without_splits_get_some(flat, tmp_path):
    done = run(flat, tmp_path / "s")
    assert list(done.store.labels) == [0] * 4 + [1] * 4
    assert any("split was made" in note for note in done.notes)


def test_lists_of_splits_name_files_whatever_their_suffix(flat, tmp_path):
    lists(
        flat,
        "eurosat-",
        train=["grass_0.jpg", "water_1.jpg", "grass_2.jpg", ""],
        val=["water_3.jpg"],
        test=["grass_4.jpg", "water_5.jpg"],
    )
    done = run(flat, tmp_path / "s")
    assert [list(done.store.counts(split)) for split in ("train", "val", "test")] == [[2, 1], [0, 1], [1, 1]]
    assert done.notes == ("left out, as no list of a split names them: 2 images",)


def test_png_and_jpeg(tmp_path):
    pixels = patches(4, bands=3, side=16)
    pixels[3] = np.add.outer([50, 90, 130], np.add.outer(np.arange(16), np.arange(16)))  # smooth: JPEG keeps it
    for index, image in enumerate(pixels):
        folder = tmp_path / "in/train" / f"c{index % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{index}.{'png' if index < 3 else 'jpg'}")
    store = run(tmp_path / "in", tmp_path / "s", bands=("R", "G", "B")).store
    np.testing.assert_array_equal(store.images[0], pixels[0])
    np.testing.assert_allclose(store.images[3].astype(int), pixels[3].astype(int), atol=6)


def test_nodata_beside_an_image(flat, tmp_path):
    first = flat / "grass/grass_0.tif"
    mask = np.full((1, 6, 6), 255, np.uint8)
    mask[0, 0, :3] = 0
    write_tiff(tmp_path / "mask.tif", mask).rename(f"{first}.msk")
    assert run(flat, tmp_path / "s").store.nodata == (3, 3)


@pytest.mark.slow
def test_the_real_patches(real_data, tmp_path):
    done = import_patches(
        read_image_folder(real_data / "eurosat/tif", Given(bands=[f"B{band}" for band in range(13)])),
        tmp_path / "s",
    )
    assert len(done.store) == 247
    assert "AnnualCrop" in done.store.classes
    with rasterio.open(next((real_data / "eurosat/tif/AnnualCrop").glob("*_1.tif"))) as file:
        np.testing.assert_array_equal(done.store.images[0], file.read())


@pytest.mark.parametrize(
    ("names", "cause"),
    [
        ({"train": ["grass_0", "none_1.tif"]}, r"train.txt: line 2: there is no image 'none_1.tif'"),
        ({"train": ["grass_0", "water_1"], "val": ["grass_0"]}, r"val.txt: line 1: 'grass_0' is in train, too"),
        ({"val": ["grass_0"]}, "no image of train"),
        ({"train": [], "val": []}, "no image of train"),
    ],
)
def test_lists_that_do_not_fit(flat, tmp_path, names, cause):
    lists(flat, **names)
    with pytest.raises(DataError, match=cause):
        run(flat, tmp_path / "s")
    assert left_behind(tmp_path) == ["in"]


def test_two_lists_of_one_split(flat, tmp_path):
    lists(flat, train=["grass_0"])
    lists(flat, "spatial-", train=["grass_0"])
    with pytest.raises(DataError, match=r"two lists of train: spatial-train\.txt and train\.txt"):
        run(flat, tmp_path / "s")


def test_one_name_in_two_classes(flat, tmp_path):
    shutil.copy(flat / "grass/grass_0.tif", flat / "water/grass_0.tif")
    lists(flat, train=["grass_0"])
    with pytest.raises(DataError, match="have one name"):
        run(flat, tmp_path / "s")


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda file: file.write_bytes(b"GIF89a"), "neither TIFF, PNG nor JPEG"),
        (lambda file: file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 30), "cannot be read as PNG"),
        (lambda file: file.write_bytes(file.read_bytes()[:100]), "cannot be read as GeoTIFF"),
        (lambda file: (file.unlink(), file.symlink_to("/dev/zero")), "a device"),
        (lambda file: (file.unlink(), file.symlink_to("none")), "No such file"),
        (lambda file: (file.unlink(), file.mkdir()), "a folder"),
        (lambda file: write_tiff(file, random_pixels(0, bands=3)), "3 bands"),
        (lambda file: write_tiff(file, random_pixels(0, side=7)), "7 x 7 px"),
    ],
)
def test_an_image_that_cannot_be_read_is_named(flat, tmp_path, spoil, cause):
    file = flat / "grass/grass_4.tif"
    spoil(file)
    with pytest.raises(DataError, match=cause) as caught:
        run(flat, tmp_path / "s")
    assert "grass_4.tif" in str(caught.value)
    assert left_behind(tmp_path) == ["in"]


def test_a_small_png_of_a_huge_image_is_refused_before_it_is_unpacked(tmp_path):
    (tmp_path / "in/train/c").mkdir(parents=True)
    Image.new("L", (12_000, 12_000)).save(tmp_path / "in/train/c/0.png")
    with pytest.raises(DataError, match="more than 64 MB"):
        run(tmp_path / "in", tmp_path / "s", bands=("grey",))


def test_no_images_no_folder_no_train_no_bands(tmp_path, flat):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no <class>"):
        run(tmp_path / "empty", tmp_path / "s")
    with pytest.raises(DataError, match="No such file"):
        run(tmp_path / "none", tmp_path / "s")
    with pytest.raises(DataError, match="not a folder"):
        run(flat / "grass/grass_0.tif", tmp_path / "s")
    with pytest.raises(UsageError, match="bands of the files are not named"):
        read_image_folder(flat)
    (tmp_path / "split").mkdir()
    flat.rename(tmp_path / "split/val")
    with pytest.raises(DataError, match="no image in train/"):
        run(tmp_path / "split", tmp_path / "s")


def test_a_folder_that_the_description_does_not_know(tmp_path):
    store = write_store(tmp_path / "store", patches(), np.arange(12) % 2, splits_of(12))
    export_store(store, tmp_path / "x", "torchgeo")
    (tmp_path / "x/c0").rename(tmp_path / "x/c9")
    with pytest.raises(DataError, match="c9 is no class of"):
        read_image_folder(tmp_path / "x")
