"""Chips over polygons: their purity is the share of pixels whose centre lies in polygons of one class."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from rasterio.warp import transform as reproject

import raysat
from raysat.data.chips.by_polygons import cut_polygons
from raysat.data.chips.cuts import SceneHead
from raysat.data.chips.labels import Labels
from raysat.data.scenes.grid import Grid
from raysat.errors import DataError, RaysatError
from tests.helpers.data import left_behind
from tests.helpers.scenes import CRS, TRANSFORM, map_of, noise, pixel_box, write_labels, write_scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("scene") / "s.tif", noise(2), ["a", "b"])


def corners_of(store, size):
    """Column and row of the upper left pixel of each chip."""
    columns, rows = ~TRANSFORM * (store.places.x, store.places.y)
    return [(round(c - size / 2), round(r - size / 2)) for c, r in zip(columns, rows, strict=True)]


def test_a_grid_of_chips_lies_in_a_polygon(scene, tmp_path):
    labels = write_labels(tmp_path / "p.gpkg", [pixel_box(0, 0, 80, 30), pixel_box(0, 30, 80, 60)], label=["x", "y"])
    made = raysat.import_chips(scene, labels, tmp_path / "s", size=10)
    store = made.store
    expected = [(column, row) for row in range(0, 60, 10) for column in range(0, 80, 10)]
    assert corners_of(store, 10) == expected
    assert [store.classes[label] for label in store.labels] == ["x" if row < 30 else "y" for _, row in expected]
    pixels = noise(2)
    for index, (column, row) in enumerate(expected):
        np.testing.assert_array_equal(store.images[index], pixels[:, row : row + 10, column : column + 10])


@pytest.mark.parametrize(
    ("covered", "purity", "kept"), [(8, 0.8, True), (7, 0.8, False), (7, 0.7, True), (10, 1, True)]
)
def test_purity_is_a_share_of_pixels(scene, tmp_path, covered, purity, kept):
    shapes = [pixel_box(20, 20, 20 + covered, 30), pixel_box(40, 40, 60, 60)]
    labels = write_labels(tmp_path / "p.gpkg", shapes, label=["x", "y"])
    made = raysat.import_chips(scene, labels, tmp_path / "s", size=10, purity=purity)
    assert ((20, 20) in corners_of(made.store, 10)) == kept
    assert any("left out: 1 places of the grid of which no class covers" in note for note in made.notes) != kept


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(
    corners=st.lists(st.tuples(st.floats(1, 78), st.floats(1, 58)), min_size=6, max_size=6),
    second=st.lists(st.tuples(st.floats(1, 78), st.floats(1, 58)), min_size=6, max_size=6),
    purity=st.floats(0.05, 1),
)
def test_purity_is_that_of_another_rasterisation(corners, second, purity):
    hulls = [shapely.MultiPoint(each).convex_hull for each in (corners, second)]
    if any(hull.geom_type != "Polygon" for hull in hulls):
        return
    shapes = [shapely.Polygon([TRANSFORM * place for place in hull.exterior.coords]) for hull in hulls]
    crs = rasterio.CRS.from_string(CRS)
    labels = Labels(
        path=Path("p.gpkg"),
        crs=crs,
        geometries=np.array(shapes, dtype=object),
        labels=np.array([0, 1]),
        numbers=np.array([1, 2]),
        splits=None,
        classes=("x", "y"),
        are_points=False,
    )
    grid = Grid(crs=crs, transform=TRANSFORM, width=80, height=60)
    head = SceneHead(paths=Path("s.tif"), name="s", bands=("a",), dtype="uint8", grid=grid)
    centres = np.column_stack([axis.ravel() + 0.5 for axis in np.mgrid[:60, :80][::-1]])
    inside = [Outline(np.array(hull.exterior.coords)).contains_points(centres).reshape(60, 80) for hull in hulls]
    burned = np.where(inside[1], 2, np.where(inside[0], 1, 0))  # the later one counts
    expected, unsure = {}, set()
    for row in range(0, 51, 5):
        for column in range(0, 71, 5):
            counts = np.bincount(burned[row : row + 10, column : column + 10].ravel(), minlength=3)[1:]
            if abs(counts.max() - purity * 100) <= 1.5 or counts[0] == counts[1]:
                unsure.add((column, row))  # a centre on an edge may fall on either side
            elif counts.max() >= purity * 100:
                expected[column, row] = int(counts.argmax())
    cuts = cut_polygons(labels, [head], size=10, stride=5, purity=purity)
    found = dict(zip(zip(cuts.column, cuts.row, strict=True), cuts.label, strict=True))
    assert {place: label for place, label in found.items() if place not in unsure} == expected


def test_polygons_in_another_crs_with_several_parts_and_holes(scene, tmp_path):
    hole = shapely.Polygon(pixel_box(0, 0, 40, 40).exterior, [pixel_box(10, 10, 20, 20).exterior])
    both = shapely.MultiPolygon([hole, pixel_box(60, 40, 80, 60)])

    def move(places):
        return np.column_stack(reproject(CRS, "EPSG:4326", places[:, 0], places[:, 1]))

    labels = write_labels(tmp_path / "p.geojson", [shapely.transform(both, move)], crs="EPSG:4326", label=["x"])
    store = raysat.import_chips(scene, labels, tmp_path / "s", size=10).store
    expected = {(c, r) for c in range(0, 40, 10) for r in range(0, 40, 10)} - {(10, 10)}
    assert set(corners_of(store, 10)) == expected | {(60, 40), (70, 40), (60, 50), (70, 50)}


def test_the_split_is_that_of_the_polygon_that_covers_most(scene, tmp_path):
    shapes = [pixel_box(0, 0, 27, 60), pixel_box(27, 0, 53, 60), pixel_box(53, 0, 80, 60)]
    labels = write_labels(tmp_path / "p.gpkg", shapes, label=["x", "x", "x"], split=["train", "val", "test"])
    store = raysat.import_chips(scene, labels, tmp_path / "s", size=10, split_column="split").store
    of_column = {
        column: {s for (c, _), s in zip(corners_of(store, 10), store.splits.tolist(), strict=True) if c == column}
        for column in range(0, 80, 10)
    }
    assert of_column == {0: {0}, 10: {0}, 20: {0}, 30: {1}, 40: {1}, 50: {2}, 60: {2}, 70: {2}}


def test_a_crossed_polygon_counts_its_two_halves(scene, tmp_path):
    bow = shapely.Polygon([TRANSFORM * place for place in ((0, 0), (40, 40), (40, 0), (0, 40))])
    labels = write_labels(tmp_path / "p.gpkg", [bow], label=["x"])
    store = raysat.import_chips(scene, labels, tmp_path / "s", size=10).store
    assert (0, 10) in corners_of(store, 10)
    assert (10, 0) not in corners_of(store, 10)


def test_polygons_outside_are_refused_or_left_out(scene, tmp_path):
    labels = write_labels(tmp_path / "p.gpkg", [pixel_box(0, 0, 40, 40), pixel_box(200, 0, 240, 40)], label=["x", "y"])
    with pytest.raises(DataError, match="feature 2 lies outside the scene"):
        raysat.import_chips(scene, labels, tmp_path / "s", size=10)
    assert left_behind(tmp_path) == ["p.gpkg"]
    made = raysat.import_chips(scene, labels, tmp_path / "s", size=10, skip_outside=True)
    assert "left out: 1 polygons outside every scene" in made.notes


@pytest.mark.parametrize(
    ("shapes", "options", "words"),
    [
        ([pixel_box(1, 1, 4, 4)], {}, "gives no chip: 1 places of the grid of which no class covers 80 %"),
        ([pixel_box(0, 0, 80, 60)], {"size": 70}, "gives no chip"),
        (map_of([20], [20]), {"stride": 5}, "stride is of polygons and rasters"),
        (map_of([20], [20]), {"purity": 0.5}, "purity is of polygons and rasters"),
        ([*map_of([20], [20]), pixel_box(0, 0, 40, 40)], {}, "feature 2 is a Polygon"),
        ([shapely.LineString([TRANSFORM * (1, 1), TRANSFORM * (9, 9)])], {}, "feature 1 is a LineString"),
        ([None, pixel_box(0, 0, 40, 40)], {}, "feature 1 has no geometry"),
        ([shapely.Point(), *map_of([20], [20])], {}, "feature 1 has no geometry"),
    ],
)
def test_what_gives_no_chips_is_refused(scene, tmp_path, shapes, options, words):
    labels = write_labels(tmp_path / "p.gpkg", shapes, label=["x"] * len(shapes))
    with pytest.raises(RaysatError, match=words):
        raysat.import_chips(scene, labels, tmp_path / "s", **{"size": 10} | options)
    assert left_behind(tmp_path) == ["p.gpkg"]
