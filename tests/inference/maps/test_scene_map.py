"""Maps of small scenes: what each cell says, where it lies, and what is refused."""

from __future__ import annotations

import json
import tracemalloc
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine, from_origin
from rio_cogeo.cogeo import cog_validate

from raysat.data.store import StoreWriter
from raysat.errors import DiskError, UsageError
from raysat.inference.load import TrainedArm
from raysat.inference.maps import reading, tiling
from raysat.inference.maps.cells import LEVELS, NODATA, summarize
from raysat.inference.maps.geotiffs import MapFiles, _sum
from raysat.inference.maps.layers import class_colours, map_layers
from raysat.inference.maps.scene_map import MapOptions, SceneMap, check_names, make_map
from raysat.inference.maps.source import SceneOptions
from raysat.inference.store_predictions import predict_store
from tests.helpers.maps import BANDS, CLASSES, NORTH_UP, random_arm, random_pixels, write_scene

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def arm() -> TrainedArm:
    return random_arm()


def mapped(arm: TrainedArm, scene: Path, **options) -> SceneMap:
    return make_map(arm, scene, scene.parent / "maps", MapOptions(**options), run="run", on_windows=lambda *_: None)


def read(made: SceneMap, layer: str) -> np.ndarray:
    with rasterio.open(made.folder / f"{layer}.tif") as file:
        return file.read()


def ensemble(arm: TrainedArm, patches: np.ndarray) -> np.ndarray:
    return np.mean([model.probabilities(patches) for model in arm.models], axis=0)


def test_a_cell_says_what_the_models_say_of_its_patch(tmp_path, arm) -> None:
    pixels = random_pixels(70, 100)  # not whole patches: the last of a row ends with the scene
    made = mapped(arm, write_scene(tmp_path / "scene.tif", pixels), probabilities="float16")
    assert made.record.cells == (5, 7)
    found = read(made, "probabilities")
    for row, column in np.ndindex(5, 7):
        top, left = min(row * 16, 70 - 16), min(column * 16, 100 - 16)
        p = ensemble(arm, pixels[None, :, top : top + 16, left : left + 16])[0]
        np.testing.assert_allclose(found[:, row, column], p, atol=5e-4)  # float16
        assert read(made, "class")[0, row, column] == p.argmax()
    assert len(set(read(made, "class").ravel())) > 1
    assert sum(made.record.counts) == 35
    assert read(made, "disagreement").max() > 0


def test_a_patch_cut_from_a_scene_gives_the_stores_prediction(tmp_path, arm, monkeypatch) -> None:
    pixels = random_pixels(64, 48)
    with StoreWriter(tmp_path / "store", bands=BANDS, classes=CLASSES, sensor="sentinel2", source={}) as writer:
        for row, column in np.ndindex(4, 3):
            patch = pixels[:, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
            writer.add(patch, (row + column) % 3, ("train", "val", "test")[column])
        store = writer.close()
    said = predict_store(arm, store, "all", lambda *_: None)
    kept, write = [], MapFiles.write
    monkeypatch.setattr(MapFiles, "write", lambda files, rows: kept.append(rows) or write(files, rows))
    mapped(arm, write_scene(tmp_path / "scene.tif", pixels))
    cells = np.concatenate([rows.probabilities for rows in kept], axis=1)
    np.testing.assert_allclose(cells.reshape(3, -1).T, said.probabilities, rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.concatenate([rows.entropy for rows in kept]).ravel(), said.entropy, atol=1e-5)


@pytest.mark.parametrize("stride", [5, 8])
def test_a_finer_map_averages_the_windows_that_contain_a_cell(tmp_path, arm, stride) -> None:
    pixels = random_pixels(45, 37)
    made = mapped(arm, write_scene(tmp_path / "scene.tif", pixels), stride=stride, probabilities="float16")
    starts = [sorted({*range(0, side - 15, stride), side - 16}) for side in (45, 37)]
    patches = np.stack([pixels[:, y : y + 16, x : x + 16] for y in starts[0] for x in starts[1]])
    said = ensemble(arm, patches).reshape(len(starts[0]), len(starts[1]), 3)
    found = read(made, "probabilities")
    assert found.shape == (3, -(-45 // stride), -(-37 // stride))
    for row, column in np.ndindex(*found.shape[1:]):
        inside = [
            [
                number
                for number, start in enumerate(starts[axis])
                if start <= cell * stride and min(cell * stride + stride, side) <= start + 16
            ]
            for axis, (cell, side) in enumerate(((row, 45), (column, 37)))
        ]
        mean = said[np.ix_(*inside)].mean(axis=(0, 1))
        np.testing.assert_allclose(found[:, row, column], mean, atol=6e-4)


def test_parts_of_a_scene_make_the_same_map(tmp_path, arm, monkeypatch) -> None:
    scene = write_scene(tmp_path / "scene.tif", random_pixels(90, 130), tiled=True, blockxsize=32, blockysize=32)
    whole = read(mapped(arm, scene, stride=8), "probabilities")
    monkeypatch.setattr(reading, "_TILES", 40)  # columns of a swath
    monkeypatch.setattr(tiling, "SLAB_BYTES", 7000)
    parts = read(mapped(arm, scene, stride=8, overwrite=True), "probabilities")
    assert np.abs(parts.astype(int) - whole).max() <= 1  # a rounded last bit of a sum


def peak_of_map(trained: TrainedArm, scene: Path) -> int:
    tracemalloc.start()
    try:
        mapped(trained, scene, overwrite=True)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_scene(tmp_path, monkeypatch) -> None:
    trained = random_arm(models=1, patch=64)
    monkeypatch.setattr(tiling, "SLAB_BYTES", 1 << 19)
    monkeypatch.setattr(tiling, "_WINDOWS", 16)
    scenes = []
    for height in (2048, 8192):  # 3 and 13 MB of pixels; slabs of half a MB, some of which are there at once
        pixels = np.full((3, height, 256), 1000, np.uint16)
        scenes.append(write_scene(tmp_path / f"{height}.tif", pixels, tiled=True, blockxsize=256, blockysize=256))
        del pixels
    small, large = scenes
    mapped(trained, small, overwrite=True)  # what is kept for ever
    bound = min(peak_of_map(trained, small) for _ in range(3)) + (1 << 22)
    peaks = [peak_of_map(trained, large)]
    while peaks[-1] >= bound and len(peaks) < 3:  # other threads of the session allocate, too
        peaks.append(peak_of_map(trained, large))
    assert peaks[-1] < bound, peaks


def test_nodata_is_kept_and_stands_for_the_mean(tmp_path, arm) -> None:
    pixels = random_pixels(48, 48)
    pixels[:, :16, :16] = 0  # a whole cell
    pixels[1, :16, 16:25] = 0  # 9 of 16 columns in one band: more than half
    pixels[:, 16:32, 0:8] = 0  # just half
    made = mapped(arm, write_scene(tmp_path / "scene.tif", pixels, nodata=0), probabilities="float16")
    classes, found = read(made, "class")[0], read(made, "probabilities")
    assert (classes == NODATA).tolist() == [[True, True, False], [False] * 3, [False] * 3]
    assert np.isnan(found[:, 0, :2]).all()
    assert (read(made, "entropy")[0, 0, :2] == NODATA).all()
    filled = pixels[:, 16:32, :16].copy()
    filled[:, :, :8] = np.array([1001, 1101, 1201])[:, None, None]  # means of 1000.6 and so on
    np.testing.assert_allclose(found[:, 1, 0], ensemble(arm, filled[None])[0], atol=5e-4)
    assert (made.record.nodata, sum(made.record.counts)) == (2, 7)


def test_a_scene_smaller_than_a_patch(tmp_path, arm) -> None:
    made = mapped(arm, write_scene(tmp_path / "scene.tif", random_pixels(12, 15)))
    assert made.record.cells == (1, 1)
    assert read(made, "class")[0, 0, 0] < 3
    tiny = write_scene(tmp_path / "tiny.tif", random_pixels(4, 4))  # a sixteenth of a patch
    assert mapped(arm, tiny).record.nodata == 1


def test_files_are_cogs_that_name_and_colour_classes(tmp_path, arm) -> None:
    made = mapped(arm, write_scene(tmp_path / "scene.tif", random_pixels(40, 40)), stride=1, png=True)
    for name in made.record.layers:
        valid, errors, warnings = cog_validate(made.folder / name, strict=True, quiet=True)
        assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(made.folder / "class.tif") as file:
        assert (file.dtypes, file.nodata, file.crs.to_epsg()) == (("uint8",), NODATA, 32632)
        assert file.transform == NORTH_UP
        assert [file.tags(1)[f"CLASS_{label}"] for label in range(3)] == list(CLASSES)
        colours = file.colormap(1)
        assert len({colours[label] for label in range(3)}) == 3
        assert colours[NODATA][3] == 0
        assert file.tags()["RAYSAT_ARM"] == "arm"
    assert [f">{name}<" in (made.folder / "class.tif.aux.xml").read_text() for name in CLASSES] == [True] * 3
    with rasterio.open(made.folder / "probabilities.tif") as file:
        assert file.descriptions == CLASSES
        assert file.scales == (1 / LEVELS,) * 3
        assert np.abs(file.read().sum(axis=0) / LEVELS - 1).max() < 0.01
    assert json.loads((made.folder / "map.json").read_text())["stride"] == [1, 1]
    assert sorted(file.name for file in made.folder.iterdir()) == [
        *("class.tif", "class.tif.aux.xml", "disagreement.tif", "entropy.tif", "map.json", "map.png"),
        "probabilities.tif",
    ]


def test_the_same_scene_gives_the_same_bytes(tmp_path, arm) -> None:
    scene = write_scene(tmp_path / "scene.tif", random_pixels(64, 64))
    made = mapped(arm, scene, png=True)
    before = {file.name: file.read_bytes() for file in made.folder.iterdir()}
    again = mapped(arm, scene, png=True, overwrite=True)
    assert {file.name: file.read_bytes() for file in again.folder.iterdir()} == before


def test_one_seed_does_not_disagree_and_probabilities_may_be_left_out(tmp_path) -> None:
    made = mapped(
        random_arm(models=1), write_scene(tmp_path / "scene.tif", random_pixels(32, 32)), probabilities="none"
    )
    assert made.record.layers == ("class.tif", "entropy.tif")


def test_a_box_is_a_part_of_the_map(tmp_path, arm) -> None:
    pixels = random_pixels(96, 96)
    scene = write_scene(tmp_path / "scene.tif", pixels)
    made = mapped(arm, scene, bbox=(500_160, 5_000_000 - 640, 500_480, 5_000_000 - 320))
    assert made.record.region == (16, 32, 32, 32)
    with rasterio.open(made.folder / "class.tif") as file:
        assert file.transform == from_origin(500_160, 5_000_000 - 320, 160, 160)
        assert file.read(1)[0, 0] == ensemble(arm, pixels[None, :, 32:48, 16:32]).argmax()
    for box in ((0.0, 0.0, 10.0, 10.0), (500_160.0, 5_000_000.0, 500_480.0, 4_999_000.0)):
        with pytest.raises(UsageError, match="holds nothing of scene"):
            mapped(arm, scene, bbox=box, overwrite=True)


def test_a_box_of_a_scene_without_a_crs_is_by_its_pixels(tmp_path, arm) -> None:
    scene = write_scene(tmp_path / "scene.tif", random_pixels(96, 80), crs=None, transform=Affine.identity())
    assert mapped(arm, scene, bbox=(16, 32, 48, 64)).record.region == (16, 32, 32, 32)
    with pytest.raises(UsageError, match="holds nothing of scene, which is 0,0,80,96"):
        mapped(arm, scene, bbox=(80, 0, 90, 10), overwrite=True)


def test_a_rotated_scene_is_brought_north_up(tmp_path) -> None:
    arm = random_arm(pixel_size=10.0)
    turned = Affine.translation(500_000, 5_000_000) @ Affine.rotation(20) @ Affine.scale(10, -10)
    pixels = np.full((3, 96, 96), 1500, np.uint16)
    scene = write_scene(tmp_path / "scene.tif", pixels, transform=turned, nodata=0)
    made = mapped(arm, scene, scenes=SceneOptions(resample=True))
    assert made.record.resampled
    with rasterio.open(made.folder / "class.tif") as file:
        t, classes = file.transform, file.read(1)
    assert (t.b, t.d, t.a, t.e) == (0, 0, 160, -160)
    assert (classes[[0, 0, -1, -1], [0, -1, 0, -1]] == NODATA).all()  # beyond the turned corners
    assert classes[len(classes) // 2, len(classes) // 2] == ensemble(arm, pixels[None, :, :16, :16]).argmax()


def test_what_is_there_is_kept_unless_told(tmp_path, arm) -> None:
    scene = write_scene(tmp_path / "scene.tif", random_pixels(32, 32))
    folder = mapped(arm, scene).folder
    with pytest.raises(UsageError, match="is there already"):
        mapped(arm, scene)
    mapped(arm, scene, overwrite=True)
    (folder / "map.json").unlink()  # a folder that may be anything
    with pytest.raises(UsageError, match="is no map"):
        mapped(arm, scene, overwrite=True)


def test_a_byte_tells_255_classes_apart(arm) -> None:
    names = [f"class {label}" for label in range(256)]
    layers = map_layers(names[:255], probabilities="uint8", models=1)
    rows = summarize(np.eye(255, dtype=np.float32)[None, :, None], np.zeros((1, 255), bool))
    np.testing.assert_array_equal(layers[0].encode(rows)[0, 0], np.arange(255))
    assert len(set(class_colours(255))) > 200
    with pytest.raises(UsageError, match="at most 255 classes, the models tell 256 apart"):
        map_layers(names, probabilities="uint8", models=1)


def test_what_is_read_back_is_summed_exactly() -> None:
    halves = np.random.default_rng(0).random((3, 200, 200)).astype(np.float16).astype(np.float32)
    halves[:, 0] = np.nan
    exact = sum(Fraction(float(value)) for value in halves.ravel() if not np.isnan(value))
    assert Fraction(_sum(halves), 1 << 24) == exact
    assert _sum(np.full((2, 3), 255, np.uint8)) == 1530


def test_strides_beyond_a_patch_and_maps_of_one_name_are_refused(tmp_path, arm) -> None:
    with pytest.raises(UsageError, match="must be from 1 to 16, the model's patches, not 17"):
        mapped(arm, write_scene(tmp_path / "scene.tif", random_pixels(32, 32)), stride=17)
    with pytest.raises(UsageError, match="would both be called scene"):
        check_names([Path("a/scene.tif"), Path("b/scene.jp2")])


def test_an_interrupt_leaves_nothing(tmp_path, arm, monkeypatch) -> None:
    scene = write_scene(tmp_path / "scene.tif", random_pixels(32, 32))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_map(arm, scene, tmp_path / "maps", MapOptions(), run="run", on_windows=stop)
    assert not list((tmp_path / "maps").iterdir())


def test_a_disk_without_room_is_said_before(tmp_path, arm, monkeypatch) -> None:
    scene = write_scene(tmp_path / "scene.tif", random_pixels(160, 160))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=599))  # 6 bytes a cell
    with pytest.raises(DiskError, match="needs 600 bytes, its disk has 599 bytes free"):
        mapped(arm, scene)
    assert not (tmp_path / "maps").exists()
