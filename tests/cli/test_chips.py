"""``raysat data chips``, as a user meets it."""

import numpy as np
import rasterio

from raysat.data.store import PatchStore
from tests.helpers.data import left_behind
from tests.helpers.scenes import map_of, noise, write_labels, write_scene


def test_a_scene_and_points_become_a_store_and_a_map(raysat, tmp_path):
    pixels = noise(4, 100, 120)
    for name, band in zip(("B02", "B03", "B04", "B08"), pixels, strict=True):
        write_scene(tmp_path / "T35_2020" / f"T35_2020_{name}.tif", band[None])
    columns, rows = (axis.ravel() for axis in np.meshgrid(np.arange(5, 115, 11), np.arange(5, 95, 11)))
    kinds = np.where(columns < 60, "water", "crop")
    labels = write_labels(tmp_path / "points.gpkg", map_of(columns, rows), landcover=kinds, site=np.arange(len(kinds)))
    done = raysat(
        "data", "chips", tmp_path / "T35_2020", "--labels", labels, "--sensor", "sentinel2_l2a", "--size", 11,
        "--bands", "B04,B03,B02,B08", "--label-column", "landcover", "--classes", "water,crop", "--out", tmp_path / "s",
        "--map", tmp_path / "map.png",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert "classes 45/45 (water, crop)" in done.out
    assert "chips of 1 scene: T35_2020 90" in done.out
    assert "a fixed stratified 70/15/15 split was made" in done.out
    assert f"wrote {tmp_path / 'map.png'}" in done.out
    store = PatchStore.open(tmp_path / "s")
    assert (store.bands, store.sensor, store.pixel_size) == (("B04", "B03", "B02", "B08"), "sentinel2_l2a", 10)
    np.testing.assert_array_equal(store.images[0], pixels[[2, 1, 0, 3], :11, :11])
    with rasterio.open(tmp_path / "map.png") as picture:
        drawn = picture.read()
    for colour in ((0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0x00)):  # of the two classes
        assert (drawn[:3] == np.array(colour)[:, None, None]).all(axis=0).sum() > 100
    shown = raysat("data", "info", tmp_path / "s").out
    assert "places       1 scene: T35_2020; EPSG:32635" in shown
    assert "pixel size   10 m" in shown


def test_a_point_outside_is_one_line_and_a_hint(raysat, tmp_path):
    scene = write_scene(tmp_path / "s.tif", noise(2), ["a", "b"])
    labels = write_labels(tmp_path / "p.gpkg", map_of([20, 500], [20, 20]), label=["x", "y"])
    done = raysat("data", "chips", scene, "--labels", labels, "--size", 5, "--out", tmp_path / "out")
    assert done.code == 2
    assert done.err.splitlines() == [
        f"error: {labels}: feature 2: it lies outside the scene",
        "hint: give the scenes that hold it, or leave such labels out by --skip-outside",
    ]
    assert left_behind(tmp_path) == ["p.gpkg", "s.tif"]


def test_sensors_are_listed_by_the_help(raysat):
    shown = raysat("data", "chips", "--help").out
    assert all(name in shown for name in ("sentinel2_l2a", "landsat8_l2", "planetscope"))
