"""The GeoTIFF importer and its manifest: every row that is wrong is named, nodata is filled and counted."""

import numpy as np
import pytest
import rasterio

from raysat.data.importers.manifest import read_manifest
from raysat.data.sensors import SENSORS
from raysat.errors import DataError
from tests.helpers.data import left_behind, write_manifest, write_tiff
from tests.helpers.importing import import_geotiff

BANDS = ("r", "g")


def pixels(seed, bands=2, side=6, dtype=np.uint16):
    return np.random.default_rng(seed).integers(1, 200, (bands, side, side)).astype(dtype)


@pytest.fixture
def folder(tmp_path):
    """Six good files and room for a bad one."""
    for index in range(6):
        write_tiff(tmp_path / "tif" / f"{index}.tif", pixels(index))
    return tmp_path


GOOD = [
    "tif/0.tif,grass,train",
    "tif/1.tif,water,train",
    "tif/2.tif,grass,val",
    "tif/3.tif,water,val",
    "tif/4.tif,grass,test",
    "tif/5.tif,water,test",
]


def run(folder, rows=GOOD, header="path,label,split", out="s", **options):
    manifest = write_manifest(folder / "manifest.csv", rows, header)
    return import_geotiff(manifest, folder / out, **{"bands": BANDS, "sensor": None, **options})


@pytest.mark.slow
def test_the_real_patches(real_data, tmp_path):
    manifest, bands = real_data / "eurosat" / "manifest.csv", SENSORS["sentinel2"].band_names
    done = import_geotiff(manifest, tmp_path / "s", bands=bands, sensor="sentinel2")
    store = done.store
    assert [len(store.indices(split)) for split in ("train", "val", "test")] == [148, 50, 49]
    assert store.images.shape == (247, 13, 64, 64)
    assert store.images.dtype == np.uint16
    assert store.classes == ("built", "crop_grass", "forest", "water")
    assert done.read_counts == (37, 148, 25, 37)
    assert done.dropped == {}
    assert done.notes == ()
    means = [store.images[store.labels == code].mean(axis=(0, 2, 3)) for code in range(4)]
    nir_to_green = [mean[bands.index("B08")] / mean[bands.index("B03")] for mean in means]
    assert np.argmin(nir_to_green) == 3  # labels fit pixels: water is dark in the near infrared, forest bright
    assert np.argmax(nir_to_green) == 2


def test_pixels_labels_and_splits_come_back(folder):
    done = run(folder)
    np.testing.assert_array_equal(done.store.images, np.stack([pixels(index) for index in range(6)]))
    np.testing.assert_array_equal(done.store.labels, [0, 1] * 3)
    np.testing.assert_array_equal(done.store.splits, [0, 0, 1, 1, 2, 2])
    assert (done.store.classes, done.store.bands, done.store.ordinal) == (("grass", "water"), BANDS, False)


def test_without_a_split_one_is_made(folder):
    done = run(folder, [row.rsplit(",", 1)[0] for row in GOOD], "path,label")
    assert [list(done.store.counts(split)) for split in ("train", "val", "test")] == [[1, 1]] * 3
    assert any("no split is given" in note for note in done.notes)


def test_columns_in_any_order_blank_rows_spaces_and_a_byte_order_mark(folder):
    rows = [",".join((row.split(",")[2], " " + row.split(",")[1] + " ", "x", row.split(",")[0])) for row in GOOD]
    done = run(folder, ["", *rows[:3], "", *rows[3:]], "\ufeffsplit,label,note,path")
    np.testing.assert_array_equal(done.store.labels, [0, 1] * 3)
    assert done.notes == ("column 'note' is not used",)


def test_classes_are_sorted_as_numbers_where_they_are_numbers(folder):
    rows = [f"tif/{index}.tif,{label},train" for index, label in enumerate((10, 2, 9, 0, 10, 2))]
    assert run(folder, rows).store.classes == ("0", "2", "9", "10")


def test_classes_can_be_ordered(folder):
    done = run(folder, classes=("water", "ice", "grass"), ordinal=True)
    assert done.store.classes == ("water", "ice", "grass")
    assert done.store.ordinal
    np.testing.assert_array_equal(done.store.labels, [2, 0] * 3)
    assert done.read_counts == (3, 0, 3)


def test_nodata_is_counted_and_becomes_its_bands_mean(folder):
    holed = pixels(0)
    holed[0, :2, :3] = 65535  # 6 places lack the first band
    holed[1, 0, 0] = 65535  # one of them lacks both
    write_tiff(folder / "tif/0.tif", holed, nodata=65535)
    write_tiff(folder / "tif/1.tif", np.full((2, 6, 6), 9, np.uint16), nodata=9)  # nodata is each file's own
    done = run(folder)
    expected = np.where(holed == 65535, 0, holed)  # the only training patch with any data
    for band in range(2):
        valid = holed[band] != 65535
        expected[band][~valid] = round(holed[band][valid].mean())
    np.testing.assert_array_equal(done.store.images[0], expected)
    assert len(done.store) == 5
    assert done.dropped == {"every pixel is nodata": 1}
    assert done.read_counts == (3, 3)
    assert "nodata pixels in 1 patch (r 6, g 1): not in the statistics, stored as their band's mean" in done.notes
    assert done.store.nodata == (6, 1)


def test_a_band_without_any_training_pixel_is_named(folder):
    for index in range(6):
        image = pixels(index)
        image[1, ...] = 0 if index < 2 else image[1]  # the files of the train split
        write_tiff(folder / f"tif/{index}.tif", image, nodata=0)
    with pytest.raises(DataError, match="band 'g' has no valid pixel in the train split") as caught:
        run(folder)
    assert "nodata" in caught.value.hint
    assert left_behind(folder) == ["manifest.csv", "tif"]
    assert run(folder, [row.replace("val", "train") for row in GOOD]).store.nodata == (0, 72)


def test_a_manifest_that_is_all_train_is_split(folder):
    for index in range(6, 20):
        write_tiff(folder / "tif" / f"{index}.tif", pixels(index))
    done = run(folder, [f"tif/{index}.tif,grass,train" for index in range(20)])
    assert [len(done.store.indices(split)) for split in ("train", "val", "test")] == [14, 3, 3]
    assert done.notes == ("every patch is in train: a fixed stratified 70/15/15 split was made",)


def test_nan_is_nodata(folder):
    for index in range(6):
        write_tiff(folder / f"tif/{index}.tif", pixels(index, dtype=np.float32))
    holed = pixels(3, dtype=np.float32)
    holed[1, 5, 5], holed[0, 2, 2] = np.nan, np.inf
    write_tiff(folder / "tif/3.tif", holed)
    write_tiff(folder / "tif/4.tif", np.full((2, 6, 6), np.nan, np.float32))
    done = run(folder)
    means = np.stack([pixels(0), pixels(1)]).mean(axis=(0, 2, 3), dtype=float).astype(np.float32)
    np.testing.assert_allclose(
        done.store.images[3], np.where(np.isfinite(holed), holed, means[:, None, None]), rtol=1e-6
    )
    assert done.dropped == {"every pixel is nodata": 1}
    assert done.store.nodata == (1, 1)


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("uint8", "uint8"), ("uint16", "uint16"), ("float32", "float32"), ("int16", "float32"), ("float64", "float32")],
)
def test_types_are_kept_or_widened(folder, dtype, stored):
    signed = np.dtype(dtype).kind != "u"
    images = [pixels(index).astype(dtype) - (100 if signed else 0) for index in range(6)]
    for index, image in enumerate(images):
        write_tiff(folder / f"tif/{index}.tif", image.astype(dtype), nodata=-9999 if signed else None)
    done = run(folder)
    assert done.store.images.dtype == stored
    np.testing.assert_array_equal(done.store.images, np.stack(images).astype(stored))
    assert any(f"{dtype} is stored as" in note for note in done.notes) == (dtype != stored)


def bad_file(folder, content=None, image=None):
    if image is None:
        (folder / "tif/3.tif").write_bytes(content)
    else:
        write_tiff(folder / "tif/3.tif", image)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda f: bad_file(f, image=pixels(3, side=7)),
            "it is 7 x 7 px, 2 bands, uint16, the ones before it are 6 x 6",
        ),
        (lambda f: bad_file(f, image=pixels(3, bands=3)), "it has 3 bands, bands names 2"),
        (
            lambda f: bad_file(f, image=pixels(3, dtype=np.uint8)),
            "it is 6 x 6 px, 2 bands, uint8, the ones before it are .* uint16",
        ),
        (lambda f: bad_file(f, b"not a tiff"), "cannot be read: it is not a TIFF file"),
        (lambda f: bad_file(f, b""), "cannot be read: it is not a TIFF file"),
        (lambda f: bad_file(f, (f / "tif/3.tif").read_bytes()[:-60]), "cannot be read as GeoTIFF: .*band 1: "),
        (lambda f: (f / "tif/3.tif").unlink(), "cannot be read: No such file"),
        (lambda f: bad_file(f, image=np.ones((2, 6, 6), np.complex64)), "it is 6 x 6 px, 2 bands, complex64"),
    ],
    ids=["size", "bands", "type", "text", "empty", "truncated", "missing", "complex"],
)
def test_a_file_that_differs_or_cannot_be_read_is_named_with_its_row(folder, make, message):
    make(folder)
    with pytest.raises(DataError, match=rf"manifest\.csv: row 5: .*tif/3\.tif:? {message}") as caught:
        run(folder)
    assert caught.value.hint
    assert left_behind(folder) == ["manifest.csv", "tif"]


@pytest.mark.parametrize(
    "outside", ["/vsicurl/http://localhost:9/x.tif", "http://localhost:9/x.tif", "GTIFF_DIR:1:tif/0.tif"]
)
def test_names_that_gdal_would_follow_elsewhere_are_no_files(folder, outside):
    with pytest.raises(DataError, match=r"row 2: .*cannot be read: No such file"):
        run(folder, [f"{outside},grass,train"])


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        ("tif/1.tif,,train", "the label is empty", None),
        (",grass,train", "the path is empty", None),
        ("tif/1.tif,grass,trian", "unknown split 'trian'", "did you mean 'train'"),
        ("tif/1.tif,grass,", "unknown split ''", "train, val, test"),
        ("tif/1.tif,grass", "it has 2 cells, the header 3", None),
        ("tif/1.tif,grass,train,more", "it has 4 cells", None),
        ("tif/0.tif,water,val", "0.tif is named in row 2 already", None),
        ("tif/1.tif,gras,train", "unknown label 'gras'", "did you mean 'grass'"),
    ],
)
def test_a_wrong_row_is_named(folder, row, message, hint):
    with pytest.raises(DataError, match=rf"manifest\.csv: row 3: .*{message}") as caught:
        run(folder, [GOOD[0], row, *GOOD[2:]], classes=("grass", "water"))
    assert hint is None or hint in caught.value.hint
    assert left_behind(folder) == ["manifest.csv", "tif"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("file,label", "row 1: column 'path' is missing, it has file, label"),
        ("path,class", "row 1: column 'label' is missing"),
        ("path,label,label", "row 1: column 'label' appears twice"),
        ("path,label,split", "lists no patch"),
    ],
)
def test_a_bad_header_is_refused(folder, header, message):
    with pytest.raises(DataError, match=message) as caught:
        run(folder, [], header)
    assert caught.value.hint


def test_a_manifest_with_semicolons_or_a_folder_in_its_place_says_what_to_give(folder):
    with pytest.raises(DataError, match="row 1: column 'path' is missing, it has path;label") as caught:
        run(folder, [], "path;label")
    assert caught.value.hint == "separate columns by commas, not by ';'"
    with pytest.raises(DataError, match="cannot be read: it is a folder, not a file") as caught:
        read_manifest(folder)
    assert caught.value.hint == "give the path of a regular file"


@pytest.mark.parametrize("again", ["./tif/0.tif", "tif/../tif/0.tif", "{folder}/tif/0.tif", "link.tif"])
def test_a_file_named_twice_by_other_paths_is_refused(folder, again):
    (folder / "link.tif").symlink_to(folder / "tif" / "0.tif")
    manifest = write_manifest(
        folder / "twice.csv", ["tif/0.tif,grass,train", again.format(folder=folder) + ",grass,val"]
    )
    with pytest.raises(DataError, match=r"twice\.csv: row 3: .* is named in row 2 already"):
        read_manifest(manifest)


def test_a_path_keeps_the_name_that_the_manifest_gives_it(folder):
    (folder / "link.tif").symlink_to(folder / "tif" / "0.tif")
    rows, _ = read_manifest(write_manifest(folder / "m.csv", ["link.tif,grass,train"]))
    assert rows[0].path == folder / "link.tif"


def test_a_path_with_a_nul_character_is_refused(folder):
    with pytest.raises(DataError, match=r"m\.csv: row 2: the path holds a NUL character"):
        read_manifest(write_manifest(folder / "m.csv", ["a\0.tif,grass,train"]))


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match="none cannot be read"):
        read_manifest(tmp_path / "none")
    (tmp_path / "empty").write_text("")
    with pytest.raises(DataError, match="column 'path' is missing, it has none"):
        read_manifest(tmp_path / "empty")
    for name, content, cause in (
        ("binary", b"\x89PNG\r\n\x1a\n\xff", "cannot be read: byte 0 is not UTF-8"),
        ("quote", b'path,label\n"x"y,z\n', "is not a CSV file in UTF-8: row 2"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} {cause}"):
            read_manifest(tmp_path / name)


def test_the_sensor_is_named_where_the_count_disagrees(folder):
    with pytest.raises(DataError, match=r"row 2: .*it has 2 bands, sensor naip has 4") as caught:
        run(folder, bands=SENSORS["naip"].band_names, sensor="naip")
    assert "with bands" in caught.value.hint


def test_missing_places_on_the_map_are_no_matter(folder, recwarn):
    profile = {"driver": "GTiff", "count": 2, "height": 6, "width": 6, "dtype": "uint16"}
    with rasterio.open(folder / "tif/2.tif", "w", **profile) as file:
        file.write(pixels(2))
    recwarn.clear()
    assert len(run(folder).store) == 6
    assert not recwarn.list
