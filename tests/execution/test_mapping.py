"""Maps of several scenes on Ray are those of one process; one that fails leaves the others."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

import raysat
from raysat.data.store import PatchStore
from raysat.errors import ClusterError, DataError
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.mapping import ArmRef, map_scenes
from raysat.inference.load import load_arm
from raysat.inference.maps.scene_map import MapOptions, SceneMap, make_map
from raysat.storage.ledger import Ledger
from tests.helpers.maps import write_scene
from tests.helpers.run import ONE_ARM, run_alone


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore) -> Ledger:
    return run_alone(tmp_path_factory.mktemp("tiny"), ONE_ARM, landsat_store)


def write(folder: Path, store: PatchStore, number: int) -> Path:
    pixels = store.images[number * 4 : number * 4 + 4].transpose(1, 2, 0, 3).reshape(3, 32, 128)
    return write_scene(folder / f"scene{number}.tif", pixels, bands=store.bands)


def test_several_scenes_are_tasks(ray_session, tmp_path, run, landsat_store) -> None:
    scenes = [write(tmp_path, landsat_store, number) for number in range(2)]
    told: list[tuple[str, int, int]] = []
    made = raysat.predict(run.root, scenes, out=tmp_path / "maps", progress=lambda *step: told.append(step))
    assert [each.folder.name for each in made.maps] == ["scene0", "scene1"]
    assert told[-1] == ("scenes mapped", 2, 2)
    assert made.to_frame()["cells"].sum() == 8
    arm = load_arm(run, "plain", device=torch.device("cpu"))
    for scene, there in zip(scenes, made.maps, strict=True):
        here = make_map(arm, scene, tmp_path / "here", MapOptions(), run=run.root.name, on_windows=lambda *_: None)
        assert here.record == there.record
        for file in here.files:
            assert file.read_bytes() == (there.folder / file.name).read_bytes()


def test_a_scene_that_fails_leaves_the_others(ray_session, tmp_path, run, landsat_store) -> None:
    good, bad = write(tmp_path, landsat_store, 0), tmp_path / "bad.tif"
    bad.write_text("no raster")
    models = ArmRef(run=run.root, arm="plain", seeds=(0,), data=None)
    with pytest.raises(DataError, match=r"bad\.tif is no raster.*; the other 1 of 2 scenes are mapped"):
        map_scenes(models, [bad, good], tmp_path / "maps", MapOptions(), ClusterOptions(), lambda *_: None)
    assert [folder.name for folder in (tmp_path / "maps").iterdir()] == ["scene0"]


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_scene_whose_worker_dies_is_mapped_once_more(
    ray_session, tmp_path, run, landsat_store, monkeypatch, deaths
) -> None:
    def task(models: ArmRef, place: Path, out: Path, *options: object) -> SceneMap:
        """Killed as often as a file says, with a map half-written."""
        from raysat.execution.mapping import _map_scene
        from raysat.files import partial_folder

        left = place.with_suffix(".deaths")
        count = int(left.read_text()) if left.exists() else 0
        if count:
            left.write_text(str(count - 1))
            with partial_folder(out / place.stem) as work:
                (work / "class.tif").write_text("half")
                os.kill(os.getpid(), signal.SIGKILL)
        return _map_scene(models, place, out, *options)

    scenes = [write(tmp_path, landsat_store, number) for number in range(2)]
    scenes[0].with_suffix(".deaths").write_text(str(deaths))
    monkeypatch.setattr("raysat.execution.mapping._map_scene", task)
    models, told = ArmRef(run=run.root, arm="plain", seeds=(0,), data=None), []
    words = models, scenes, tmp_path / "maps", MapOptions(), ClusterOptions(), lambda *step: told.append(step)
    if deaths == 1:
        assert [each.folder.name for each in map_scenes(*words)] == ["scene0", "scene1"]
    else:
        with pytest.raises(ClusterError, match=r"the worker that mapped .*scene0.tif was lost: .*; the other 1 of 2"):
            map_scenes(*words)
    assert told == [(1, 2), (2, 2)]
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["scene0", "scene1"][deaths - 1 :]


def test_an_interrupt_stops_the_tasks_and_leaves_nothing(ray_session, tmp_path, run, landsat_store) -> None:
    scenes = [write(tmp_path, landsat_store, number) for number in range(3)]
    models = ArmRef(run=run.root, arm="plain", seeds=(0,), data=None)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):  # once one is done
        map_scenes(models, scenes, tmp_path / "maps", MapOptions(stride=2), ClusterOptions(), stop)
    assert not [path for path in (tmp_path / "maps").iterdir() if path.name.startswith(".")]


def test_a_map_that_only_another_machine_has_is_an_error(
    ray_session, tmp_path, run, landsat_store, monkeypatch
) -> None:
    monkeypatch.setattr("raysat.execution.mapping.MAP", "missing.json")  # by which the driver looks for it
    models = ArmRef(run=run.root, arm="plain", seeds=(0,), data=None)
    words = models, [write(tmp_path, landsat_store, 0)], tmp_path / "maps", MapOptions(), ClusterOptions()
    with pytest.raises(ClusterError, match=r"the map of .*scene0.tif is on another machine, in its .*maps/scene0"):
        map_scenes(*words, lambda *_: None)
