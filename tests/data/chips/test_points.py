"""A chip a point is the window around its pixel, whatever the CRS, the format and the order."""

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine
from rasterio.warp import transform as reproject
from rasterio.windows import Window

import raysat
from raysat.data.verify import verify_store
from raysat.errors import DataError
from tests.helpers.data import left_behind
from tests.helpers.scenes import CRS, TRANSFORM, map_of, noise, write_labels, write_scene

pytestmark = pytest.mark.slow

NAMES = ("B02", "B03", "B04")
COLUMNS, ROWS = [10, 40, 20, 69, 10, 30, 31, 33, 60], [12, 12, 50, 47, 13, 30, 30, 40, 20]
LABELS = ["water", "crop", "crop"] * 3


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("scene") / "s.tif", noise(), NAMES)


def points(path, **options):
    columns = {"label": LABELS} | options.pop("columns", {})
    return write_labels(path, map_of(COLUMNS, ROWS), **options, **columns)


def window_of(scene, column, row, size):
    with rasterio.open(scene) as file:
        return file.read(window=Window(column - size // 2, row - size // 2, size, size))


@pytest.mark.parametrize("size", [1, 2, 5, 20])
@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb", ".shp"])
def test_a_chip_is_the_window_around_its_point(scene, tmp_path, size, suffix):
    crs = "EPSG:4326" if suffix == ".geojson" else CRS
    shapes = map_of(COLUMNS, ROWS)
    if crs != CRS:
        x, y = reproject(CRS, crs, shapely.get_x(shapes), shapely.get_y(shapes))
        shapes = [shapely.Point(*place) for place in zip(x, y, strict=True)]
    labels = write_labels(tmp_path / f"p{suffix}", shapes, crs=crs, label=LABELS)
    made = raysat.import_chips(scene, labels, tmp_path / "s", size=size, sensor="sentinel2_l2a")
    store = made.store
    assert store.images.shape == (9, 3, size, size)
    order = np.argsort(store.places.x * 1e6 + store.places.y)  # a FlatGeobuf has an order of its own
    known = np.argsort([x * 1e6 + y for x, y in zip(COLUMNS, [-row for row in ROWS], strict=True)])
    for position, point in zip(order.tolist(), known.tolist(), strict=True):
        np.testing.assert_array_equal(store.images[position], window_of(scene, COLUMNS[point], ROWS[point], size))
        assert store.classes[store.labels[position]] == LABELS[point]
    assert (store.bands, store.sensor, store.pixel_size) == (NAMES, "sentinel2_l2a", 10)
    assert verify_store(store)


def test_places_are_the_centres_of_the_windows(scene, tmp_path):
    for size, shift in ((5, 0.5), (4, 0.0)):
        store = raysat.import_chips(scene, points(tmp_path / f"{size}.gpkg"), tmp_path / f"s{size}", size=size).store
        x, y = TRANSFORM * (np.array(COLUMNS) + shift, np.array(ROWS) + shift)
        np.testing.assert_allclose(store.places.x, x)
        np.testing.assert_allclose(store.places.y, y)
        assert [(each.name, each.crs) for each in store.places.scenes] == [("s", CRS)]


@settings(max_examples=10, deadline=None)
@given(x=st.floats(6, 73.99), y=st.floats(6, 53.99))
def test_the_point_lies_in_the_centre_pixel(scene, tmp_path_factory, x, y):
    folder = tmp_path_factory.mktemp("it")
    spots = [shapely.Point(*(TRANSFORM * (x, y))), *map_of([20, 30], [20, 30])]
    labels = write_labels(folder / "p.gpkg", spots, crs=CRS, label=["a", "b", "b"])
    store = raysat.import_chips(scene, labels, folder / "s", size=3).store
    column, row = (int(np.floor(axis)) for axis in ~TRANSFORM * (TRANSFORM * (x, y)))
    np.testing.assert_array_equal(store.images[0], window_of(scene, column, row, 3))


def test_splits_classes_and_columns_are_those_of_the_file(scene, tmp_path):
    splits = ["train", "val", "test"] * 3
    kind = [1, 2, 2, 1, 2, 2, 1, 2, 2]
    labels = points(tmp_path / "p.gpkg", columns={"kind": kind, "fold": splits})
    made = raysat.import_chips(
        scene,
        labels,
        tmp_path / "s",
        size=5,
        label_column="kind",
        split_column="fold",
        classes=["2", "1"],
        ordinal=True,
    )
    assert made.store.classes == ("2", "1")
    assert made.store.ordinal
    assert [made.store.classes[label] for label in made.store.labels] == [str(each) for each in kind]
    assert made.store.splits.tolist() == [0, 1, 2] * 3


def test_each_point_takes_the_first_scene_that_holds_its_chip_and_has_data(tmp_path):
    west, east = noise(1, 20, 30), noise(1, 20, 30, seed=1)
    west[:, :, 20:] = 0
    write_scene(tmp_path / "west.tif", west, ["a"], nodata=0)
    write_scene(tmp_path / "east.tif", east, ["a"], nodata=0, transform=Affine(10, 0, 600_150, 0, -10, 4_800_000))
    labels = write_labels(tmp_path / "p.gpkg", map_of([10, 18, 22, 40], [10] * 4), crs=CRS, label=["a", "b", "b", "a"])
    made = raysat.import_chips([tmp_path / "west.tif", tmp_path / "east.tif"], labels, tmp_path / "s", size=5)
    names = [made.store.places.names[scene] for scene in made.store.places.scene]
    assert names == ["west", "west", "east", "east"]
    assert "chips of 2 scenes: west 2, east 2" in made.notes
    np.testing.assert_array_equal(made.store.images[2], east[:, 8:13, 22 - 15 - 2 : 22 - 15 + 3])


def test_scenes_of_two_zones_take_their_points(tmp_path):
    pixels = noise(1, 40, 40)
    other = Affine(10, 0, 400_000, 0, -10, 4_700_000)
    scenes = [
        write_scene(tmp_path / "z35.tif", pixels, ["a"]),
        write_scene(tmp_path / "z34.tif", pixels[:, ::-1], ["a"], crs="EPSG:32634", transform=other),
    ]
    near = map_of([10, 20], [10, 20])
    x, y = reproject(
        "EPSG:32634", CRS, *(np.array(axis) for axis in zip(other * (9.5, 9.5), other * (30.5, 8.5), strict=True))
    )
    far = [shapely.Point(*place) for place in zip(x, y, strict=True)]
    labels = write_labels(tmp_path / "p.gpkg", near + far, crs=CRS, label=["a", "b", "a", "b"])
    store = raysat.import_chips(scenes, labels, tmp_path / "s", size=3).store
    np.testing.assert_array_equal(store.images[2], pixels[:, ::-1][:, 8:11, 8:11])
    np.testing.assert_array_equal(store.images[3], pixels[:, ::-1][:, 7:10, 29:32])
    assert [scene.crs for scene in store.places.scenes] == ["EPSG:32635", "EPSG:32634"]


def test_whole_scenes_are_split(tmp_path):
    scenes = []
    for number in range(5):
        place = Affine(10, 0, 600_000 + 1_000 * number, 0, -10, 4_800_000)
        scenes.append(write_scene(tmp_path / f"s{number}.tif", noise(1, 20, 20, seed=number), ["a"], transform=place))
    spots = [(100 * number + column, 10) for number in range(5) for column in (5, 10, 14)]
    labels = write_labels(tmp_path / "p.gpkg", map_of(*zip(*spots, strict=True)), crs=CRS, label=["a", "b", "a"] * 5)
    store = raysat.import_chips(scenes, labels, tmp_path / "s", size=3, split_by="scene").store
    by_scene = [set(store.splits[store.places.scene == number].tolist()) for number in range(5)]
    assert all(len(splits) == 1 for splits in by_scene)
    assert {split for splits in by_scene for split in splits} == {0, 1, 2}
    again = raysat.import_chips(scenes, labels, tmp_path / "t", size=3, split_by="scene").store
    assert again.fingerprint == store.fingerprint
    with pytest.raises(DataError, match="2 scenes with chips cannot be split by scene"):
        raysat.import_chips(scenes[:2], labels, tmp_path / "u", size=3, split_by="scene", skip_outside=True)


def test_chips_that_share_ground_across_splits_are_counted(scene, tmp_path):
    columns = [10, 13, 40, 60]
    splits = ["train", "test", "test", "val"]
    labels = write_labels(tmp_path / "p.gpkg", map_of(columns, [20] * 4), crs=CRS, label=list("abab"), split=splits)
    made = raysat.import_chips(scene, labels, tmp_path / "s", size=5, label_column="label", split_column="split")
    assert any(note.startswith("1 of 3 chips of val and test overlap with one of train") for note in made.notes)
    apart = raysat.import_chips(scene, labels, tmp_path / "t", size=3, label_column="label", split_column="split")
    assert not any("overlap" in note for note in apart.notes)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((1, 30), r"feature 10: a chip of 5 x 5 px around it leaves the scene"),
        ((78, 30), "leaves the scene"),
        ((30, 58), "leaves the scene"),
        ((30, 500), r"feature 10: it lies outside the scene"),
        ((-1, 30), "lies outside the scene"),
    ],
)
def test_a_point_outside_is_refused_or_left_out(scene, tmp_path, place, words):
    spots = map_of([*COLUMNS, place[0]], [*ROWS, place[1]])
    labels = write_labels(tmp_path / "p.gpkg", spots, crs=CRS, label=[*LABELS, "crop"])
    with pytest.raises(DataError, match=words) as caught:
        raysat.import_chips(scene, labels, tmp_path / "s", size=5)
    assert "skip_outside" in caught.value.hint
    assert left_behind(tmp_path) == ["p.gpkg"]
    made = raysat.import_chips(scene, labels, tmp_path / "s", size=5, skip_outside=True)
    assert len(made.store) == 9
    assert "left out: 1 points whose chip would leave every scene" in made.notes


def test_a_place_that_the_scenes_crs_does_not_have_lies_outside(scene, tmp_path):
    labels = write_labels(tmp_path / "p.geojson", [shapely.Point(27, 91)], crs="EPSG:4326", label=["a"])
    with pytest.raises(DataError, match="lies outside the scene"):
        raysat.import_chips(scene, labels, tmp_path / "s", size=5)


def test_nodata_of_a_scene_stays_nodata(tmp_path):
    pixels = noise(2)
    pixels[0, 12, 10] = pixels[:, 40:] = 7
    scene = write_scene(tmp_path / "s.tif", pixels, ["a", "b"], nodata=7)
    made = raysat.import_chips(scene, points(tmp_path / "p.gpkg"), tmp_path / "s", size=5)
    assert made.dropped == {"every pixel is nodata": 2}
    assert made.store.missing(np.array([0]), 0)[0].tolist() == (np.arange(25).reshape(5, 5) == 12).tolist()
    assert not made.store.missing(np.array([0]), 1).any()


def test_chips_of_one_pixel_are_copies(scene, tmp_path):
    labels = write_labels(
        tmp_path / "p.gpkg", map_of([10, 10], [20, 20]), crs=CRS, label=["a", "a"], split=["train", "test"]
    )
    with pytest.raises(DataError, match=r"point 1, in s, column 8, row 18 .* point 2.* hold the same pixels"):
        raysat.import_chips(scene, labels, tmp_path / "s", size=5, split_column="split")
    assert left_behind(tmp_path) == ["p.gpkg"]


def test_the_real_scene_is_cut_at_its_points(real_data, tmp_path):
    """The quality band of the scene says the label of every pixel: bits 14-15 cloud, 12-13 cirrus."""
    folder = real_data / "landsat8"
    with rasterio.open(folder / "l8_BQA.tif") as file:
        quality, place, crs = file.read(1), file.transform, file.crs
    columns, rows = (axis.ravel() for axis in np.meshgrid(np.arange(32, 595, 112), np.arange(32, 571, 112)))
    cloud, cirrus = quality >> 14 & 3, quality >> 12 & 3
    kinds = np.select([cloud == 3, cloud == 2, cirrus >= 2], ["cloud", "maybe", "cirrus"], "clear")[rows, columns]
    x, y = reproject(crs, "EPSG:4326", *(place * (columns + 0.5, rows + 0.5)))
    spots = [shapely.Point(*each) for each in zip(x, y, strict=True)]
    labels = write_labels(tmp_path / "p.geojson", spots, crs="EPSG:4326", label=kinds)
    bands = [f"B{number}" for number in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11)]
    made = raysat.import_chips(folder, labels, tmp_path / "s", sensor="landsat8", bands=bands, map=tmp_path / "m.png")
    store = made.store
    assert store.images.shape == (len(columns), 10, 65, 65)
    assert [store.classes[label] for label in store.labels] == kinds.tolist()
    assert (store.pixel_size, store.places.scenes[0].crs) == (30, "EPSG:32616")
    with rasterio.open(folder / "l8_B9.tif") as file:
        cirrus_band = file.read(1)
    for row in (0, 20, len(store) - 1):
        window = np.s_[rows[row] - 32 : rows[row] + 33, columns[row] - 32 : columns[row] + 33]
        np.testing.assert_array_equal(store.images[row, 7], cirrus_band[window])
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
