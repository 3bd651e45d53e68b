"""Every study file that ships runs end to end through the real command: small model, one epoch, real Ray."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raysat.data.store import PatchStore
from raysat.space import load_study

ROOT = Path(__file__).parents[1]
STUDIES = sorted(path.name for path in (ROOT / "search_spaces").glob("*.yaml"))
SMALL = ["--set", "model.name=test_resnet", "--set", "optim.batch_size=16", "--epochs", "1", "--seeds", "1"]


def board_of(folder: Path) -> dict[str, Any]:
    board: dict[str, Any] = json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))
    return board


@pytest.mark.parametrize("name", STUDIES)
def test_a_shipped_study_runs(
    raysat: Callable[..., Any], landsat_store: PatchStore, tmp_path: Path, ray_session: None, name: str
) -> None:
    space = ROOT / "search_spaces" / name
    result = raysat("ablate", "--space", space, "--data", landsat_store.path, "--out", tmp_path, *SMALL)
    assert result.code == 0, result.out + result.err
    study = load_study(space)
    board = board_of(tmp_path / study.name)
    assert board["study"] == study.name
    assert {arm["name"] for arm in board["arms"]} == {arm.name for arm in study.arms}
    assert all(arm["n"] == 1 for arm in board["arms"])
    scores = [arm["balanced_accuracy"]["mean"] for arm in board["arms"]]
    assert scores == sorted(scores, reverse=True)


def test_table2_runs_on_real_sentinel2_patches(raysat: Callable[..., Any], tmp_path: Path, ray_session: None) -> None:
    """The same file, written for Landsat 8, on 13-band Sentinel-2 data; plain cross-entropy learns there."""
    manifest = Path(os.environ.get("RAYSAT_TEST_DATA", ROOT.parent / "shared" / "data")) / "eurosat" / "manifest.csv"
    if not manifest.is_file():
        pytest.skip(f"{manifest} is not there; name the test data's folder with RAYSAT_TEST_DATA")
    store = tmp_path / "eurosat"
    assert raysat("data", "import", "geotiff", manifest, "--sensor", "sentinel2", "--out", store).code == 0
    space = ROOT / "search_spaces" / "table2.yaml"
    words = ["--set", "model.name=test_resnet", "--epochs", "8", "--seeds", "1", "--out", tmp_path / "runs"]
    assert raysat("ablate", "--space", space, "--data", store, *words).code == 0
    arms = {arm["name"]: arm for arm in board_of(tmp_path / "runs" / "table2")["arms"]}
    assert len(arms) == 7
    assert arms["(1)"]["balanced_accuracy"]["mean"] > 0.5
    assert arms["(2)"]["balanced_accuracy"]["mean"] > 0.5
