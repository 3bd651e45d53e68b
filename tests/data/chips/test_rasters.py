"""Chips by a raster of classes: the centre pixel's class, or that of enough pixels, on the scene's grid or another."""

import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from rasterio.warp import Resampling, calculate_default_transform
from rasterio.warp import reproject as warp
from rasterio.windows import Window

import raysat
from raysat.errors import RaysatError
from tests.helpers.data import left_behind
from tests.helpers.scenes import CRS, TRANSFORM, noise, write_scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("scene") / "s.tif", noise(2), ["a", "b"])


@pytest.fixture
def values():
    """Classes 1 to 3 in blocks, and nodata 0."""
    rng = np.random.default_rng(3)
    return np.repeat(rng.integers(0, 4, (20, 16)), 3, axis=0).repeat(5, axis=1).astype(np.uint8)


def corners(store, size):
    columns, rows = ~TRANSFORM * (store.places.x, store.places.y)
    return [(round(c - size / 2), round(r - size / 2)) for c, r in zip(columns, rows, strict=True)]


def classes_at(store, size):
    return dict(zip(corners(store, size), [store.classes[label] for label in store.labels], strict=True))


@pytest.mark.parametrize(("size", "stride"), [(5, None), (5, 3), (4, 4)])
def test_the_centre_pixel_decides(scene, tmp_path, values, size, stride):
    labels = write_scene(tmp_path / "l.tif", values[None], nodata=0)
    store = raysat.import_chips(scene, labels, tmp_path / "s", size=size, stride=stride).store
    step, half = stride or size, size // 2
    assert classes_at(store, size) == {
        (column, row): str(values[row + half, column + half])
        for row in range(0, 61 - size, step)
        for column in range(0, 81 - size, step)
        if values[row + half, column + half]
    }
    pixels = noise(2)
    for image, (column, row) in zip(store.images, corners(store, size), strict=True):
        np.testing.assert_array_equal(image, pixels[:, row : row + size, column : column + size])


@pytest.mark.parametrize("purity", [0.5, 0.7, 1.0])
def test_or_the_class_of_enough_pixels(scene, tmp_path, values, purity):
    labels = write_scene(tmp_path / "l.tif", values[None], nodata=0)
    made = raysat.import_chips(scene, labels, tmp_path / "s", size=4, stride=3, purity=purity)
    expected, impure = {}, 0
    for row in range(0, 57, 3):
        for column in range(0, 77, 3):
            counts = np.bincount(values[row : row + 4, column : column + 4].ravel(), minlength=4)[1:]
            if counts.max() >= purity * 16:
                expected[column, row] = str(counts.argmax() + 1)
            else:
                impure += bool(counts.max())
    assert classes_at(made.store, 4) == expected
    assert any(note.startswith(f"left out: {impure:,} places") for note in made.notes)


def test_classes_are_named_and_others_left_out(scene, tmp_path, values):
    labels = write_scene(tmp_path / "l.tif", values[None], nodata=0)
    made = raysat.import_chips(scene, labels, tmp_path / "s", size=5, classes=["3=forest", "1"])
    assert made.store.classes == ("forest", "1")
    others = (values[2:60:5, 2:80:5] == 2).sum()
    assert f"left out: {others} places of the grid of a class that is not asked for" in made.notes


def test_a_raster_of_another_grid_and_crs_is_read_at_the_pixels_of_the_scene(scene, tmp_path, values):
    edges = {"left": 600_000, "bottom": 4_799_400, "right": 600_800, "top": 4_800_000}
    place, width, height = calculate_default_transform(CRS, "EPSG:4326", 80, 60, **edges, resolution=0.00002)
    finer = np.zeros((height, width), np.uint8)
    there = {"dst_transform": place, "dst_crs": "EPSG:4326"}
    warp(values, finer, src_transform=TRANSFORM, src_crs=CRS, **there, resampling=Resampling.nearest)
    labels = write_scene(tmp_path / "l.tif", finer[None], nodata=0, crs="EPSG:4326", transform=place)
    store = raysat.import_chips(scene, labels, tmp_path / "s", size=5).store
    found = classes_at(store, 5)
    agree = [name == str(values[row + 2, column + 2]) for (column, row), name in found.items()]
    assert np.mean(agree) > 0.97  # but for pixels at the edge of a block
    assert len(found) == pytest.approx((values[2:60:5, 2:80:5] > 0).sum(), abs=4)


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        ({"pixels": np.ones((2, 60, 80), np.uint8)}, {}, "has 2 bands of uint8; a label raster has one"),
        ({"pixels": np.ones((1, 60, 80), np.float32)}, {}, "1 bands of float32"),
        ({"pixels": np.zeros((1, 60, 80), np.uint8), "nodata": 0}, {}, "gives no chip of the scenes a class"),
        ({"transform": Affine(10, 0, 0, 0, -10, 0)}, {}, "gives no chip of the scenes a class"),
        ({"pixels": np.arange(4800, dtype=np.uint16).reshape(1, 60, 80)}, {"size": 2}, "1,200 classes"),
        ({}, {"classes": ["forest"]}, "class 'forest' of a label raster is no value"),
        ({}, {"classes": ["1=a", "1=b"]}, "value 1 is named twice"),
        ({}, {"classes": ["1=a", "2=A"]}, "differ in case"),
        ({}, {"label_column": "x"}, "a label raster has no columns"),
        ({"crs": None}, {}, r"l.tif is 80 x 60 px, s is 80 x 60 px of 10 m, EPSG:32635"),
    ],
)
def test_what_is_no_label_raster_is_refused(scene, tmp_path, make, options, words):
    labels = write_scene(tmp_path / "l.tif", **{"pixels": np.ones((1, 60, 80), np.uint8)} | make)
    with pytest.raises(RaysatError, match=words):
        raysat.import_chips(scene, labels, tmp_path / "s", **{"size": 5} | options)
    assert left_behind(tmp_path) == ["l.tif"]


@pytest.mark.slow
def test_memory_stays_flat_with_the_scene(tmp_path):
    """A scene of 210 MB takes what one of 2 MB takes, but for GDAL's cache of blocks, 16 MB here."""
    tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "SPARSE_OK": True}
    peaks = []
    for side in (512, 5_120):
        profile = {"driver": "GTiff", "height": side, "width": side, "crs": CRS, "transform": TRANSFORM} | tiles
        names = [str(tmp_path / f"{kind}{side}") for kind in ("scene", "labels", "store")]
        with rasterio.open(names[0], "w", count=4, dtype="uint16", **profile) as file:
            file.write(np.ones((4, 512, 512), np.uint16), window=Window(0, 0, 512, 512))
        with rasterio.open(names[1], "w", count=1, dtype="uint8", nodata=255, **profile | {"SPARSE_OK": False}) as file:
            file.write(np.ones((1, 512, 512), np.uint8), window=Window(0, 0, 512, 512))
        script = (
            "import raysat, resource\n"
            f"raysat.import_chips(*{names!r}, size=8, stride={side // 16}, bands=list('abcd'), keep_empty=True)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        env = {"GDAL_CACHEMAX": "16", "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=True)
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] < peaks[0] + 60_000  # kB
