"""Maps of scenes on a cluster of two nodes: a worker is killed amid a scene, and all are mapped all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from raysat.data.store import PatchStore
from raysat.inference.load import load_arm
from raysat.inference.maps.scene_map import MapOptions, make_map
from tests.helpers.loopback import loopback_cluster, without_ray
from tests.helpers.maps import write_scene
from tests.helpers.patience import PATIENCE_S
from tests.helpers.processes import command
from tests.helpers.run import ONE_ARM, run_alone

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in Linux's /proc")

NAME = f"scene-{os.getpid()}-"  # of ours


def mapping() -> list[int]:
    """Ids of workers that map a scene now."""
    numbers = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [number for number in numbers if command(number).startswith(f"ray::raysat predict {NAME}")]


def test_scenes_are_mapped_on_all_nodes_though_a_worker_is_killed(tmp_path: Path, landsat_store: PatchStore) -> None:
    run = run_alone(tmp_path, ONE_ARM, landsat_store)
    scenes = []
    for number in range(3):
        pixels = landsat_store.images[number * 32 : number * 32 + 32].reshape(4, 8, 3, 32, 32)
        pixels = pixels.transpose(2, 0, 3, 1, 4).reshape(3, 128, 256)
        scenes.append(write_scene(tmp_path / f"{NAME}{number}.tif", pixels, bands=landsat_store.bands))
    words = ["predict", run.root, *scenes, "--out", tmp_path / "maps", "--stride", "4", "--probabilities", "none"]
    with loopback_cluster(tmp_path / "host", 1, 1) as cluster:
        process = subprocess.Popen(
            [sys.executable, "-m", "raysat", *map(str, words), "--address", cluster.address],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=without_ray(),
        )
        deadline = time.monotonic() + PATIENCE_S
        while len(workers := mapping()) < 2:  # one on each node
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(workers[0], signal.SIGKILL)
        output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [f"{NAME}{number}" for number in range(3)]
    arm = load_arm(run, "plain", device=torch.device("cpu"))
    here = make_map(
        arm,
        scenes[0],
        tmp_path / "here",
        MapOptions(stride=4, probabilities="none"),
        run=run.root.name,
        on_windows=lambda *_: None,
    )
    with (
        rasterio.open(here.folder / "class.tif") as one,
        rasterio.open(tmp_path / "maps" / f"{NAME}0" / "class.tif") as other,
    ):
        np.testing.assert_array_equal(one.read(), other.read())
