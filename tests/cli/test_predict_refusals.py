"""Scenes that cannot be mapped, and disks that cannot hold a map: one line, a hint, and nothing half-written."""

from __future__ import annotations

import pytest

from raysat.data.places import Place, SceneRef
from raysat.data.store import PatchStore, StoreWriter
from raysat.storage.ledger import Ledger
from tests.helpers.hostile_rasters import HOSTILE_RASTERS
from tests.helpers.maps import BANDS, CLASSES, random_pixels, write_scene
from tests.helpers.paths import ROOT
from tests.helpers.run import ONE_ARM, run_alone
from tests.helpers.small_disk import on_small_disk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """Trained on patches of 16 x 16 pixels of 10 m."""
    folder, pixels = tmp_path_factory.mktemp("tiny"), random_pixels(16, 16 * 48)
    scene = SceneRef(name="s", crs="EPSG:32632")
    with StoreWriter(folder / "store", bands=BANDS, classes=CLASSES, sensor="sentinel2", source={}) as writer:
        for number in range(48):
            patch = pixels[:, :, 16 * number : 16 * number + 16]
            place = Place(scene=scene, x=160.0 * number, y=0.0, pixel_size=10.0)
            writer.add(patch, number % 3, ("train", "train", "val", "test")[number // 3 % 4], place=place)
        store: PatchStore = writer.close()
    return run_alone(folder, ONE_ARM, store)


@pytest.mark.parametrize("what", HOSTILE_RASTERS)
def test_scenes_that_cannot_be_mapped(raysat, tmp_path, run, what) -> None:
    make, said = HOSTILE_RASTERS[what]
    make(tmp_path / "scene.tif")
    done = raysat("predict", run.root, tmp_path / "scene.tif", "--out", tmp_path / "maps")
    assert (done.code, said in done.err) == (2, True), done.err
    error, hint = done.err.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert not list((tmp_path / "maps").rglob("*"))


@pytest.mark.parametrize("what", ["rotated", "south up"])
def test_resampling_maps_what_is_not_north_up(raysat, tmp_path, run, what) -> None:
    HOSTILE_RASTERS[what][0](tmp_path / "scene.tif")
    done = raysat("predict", run.root, tmp_path / "scene.tif", "--out", tmp_path / "maps", "--resample")
    assert done.code == 0, done.err


def test_what_has_no_place_is_not_resampled(raysat, tmp_path, run) -> None:
    HOSTILE_RASTERS["of an unknown CRS"][0](tmp_path / "scene.tif")
    done = raysat("predict", run.root, tmp_path / "scene.tif", "--out", tmp_path / "maps", "--resample")
    assert (done.code, "its middle has no place on the earth" in done.err) == (2, True), done.err
    assert len(done.err.splitlines()) == 2


def test_a_map_that_is_there(raysat, tmp_path, run) -> None:
    scene = write_scene(tmp_path / "scene.tif", random_pixels(64, 64))
    words = ("predict", run.root, scene, "--out", tmp_path / "maps")
    assert raysat(*words).code == 0
    before = {file.name: file.read_bytes() for file in (tmp_path / "maps" / "scene").iterdir()}
    done = raysat(*words)
    assert (done.code, "is there already" in done.err, "--overwrite replaces it" in done.err) == (2, True, True)
    assert {file.name: file.read_bytes() for file in (tmp_path / "maps" / "scene").iterdir()} == before
    assert raysat(*words, "--overwrite").code == 0
    assert raysat(*words, "--overwrite", "--bbox=-3,-2,-1,0").code == 2  # nothing is removed for it
    assert {file.name: file.read_bytes() for file in (tmp_path / "maps" / "scene").iterdir()} == before


@pytest.mark.parametrize("option", [("--address", "auto"), ("--probabilities", "none"), ("--resample",)])
def test_what_is_of_scenes_is_refused_for_a_store(raysat, tmp_path, run, option) -> None:
    store = next(folder / "store" for folder in run.root.parents if (folder / "store").is_dir())
    done = raysat("predict", run.root, store, "--out", tmp_path / "a.csv", *option)
    assert (done.code, f"{option[0]} is of scenes, not of a patch store" in done.err) == (2, True), done.err


COMMAND = """
import sys; sys.path.insert(0, {root!r})
from raysat.cli.main import main
sys.argv = ["raysat", "predict", {run!r}, {scene!r}, "--out", "maps", "--probabilities", "float16"]
try:
    main()
except SystemExit as ended:
    from pathlib import Path
    print(ended.code, sorted(str(path) for path in Path("maps").rglob("*")))
"""


def test_a_full_disk(tmp_path, run) -> None:
    scene = write_scene(tmp_path / "scene.tif", random_pixels(512, 512))
    (tmp_path / "disk").mkdir()
    done = on_small_disk(
        tmp_path / "disk", "size=90k", COMMAND.format(root=str(ROOT), run=str(run.root), scene=str(scene))
    )
    assert done.stdout.rstrip().endswith("3 []"), (done.stdout, done.stderr)
    error, hint = done.stderr.splitlines()[-2:]
    assert error.startswith("error: maps/scene/"), done.stderr
    assert "cannot be written" in error
    assert hint.startswith("hint: free some space")
