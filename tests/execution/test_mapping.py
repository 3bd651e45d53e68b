"""Maps of several scenes on Ray are those of one process; one that fails leaves the others."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import raysat
from raysat.data.store import PatchStore
from raysat.errors import DataError
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.mapping import ArmRef, map_scenes
from raysat.inference.load import load_arm
from raysat.inference.maps.scene_map import MapOptions, make_map
from raysat.storage.ledger import Ledger
from tests.helpers.maps import write_scene
from tests.helpers.run import run_alone

STUDY = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {kind: adam, batch_size: 8, epochs: 1}
seeds: [0]
arms:
  plain: {}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore) -> Ledger:
    return run_alone(tmp_path_factory.mktemp("tiny"), STUDY, landsat_store)


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
