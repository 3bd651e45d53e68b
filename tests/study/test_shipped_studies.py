"""Every study file that ships runs end to end through the real command: small model, two epochs, real Ray."""

import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raysat.data.bands import resolve
from raysat.data.store import PatchStore, StoreWriter
from raysat.reporting.analysis import reference
from raysat.study.arm import Arm
from raysat.study.load import load_study
from tests.helpers.paths import ROOT
from tests.helpers.study import shipped_studies

# Of the full grid each setting but the plain one of three axes: 16 cells instead of 128, which are planned alone.
LEFT = {
    "data.bands: [all, agriculture]": "data.bands: [agriculture]",
    "loss: [{kind: cross_entropy}, {kind: ldam}]": "loss: [{kind: ldam}]",
    "sampler: [{kind: uniform}, {kind: inverse_frequency}]": "sampler: [{kind: inverse_frequency}]",
}
SMALL = ["--set", "model.name=test_resnet", "--set", "optim.batch_size=16", "--epochs", "2", "--seeds", "1"]


@pytest.fixture(scope="module", name="landsat8")
def _landsat8(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    """All 11 bands of Landsat 8, 16 x 16: 24, 8 and 8 training patches of three classes, 4 of each held out."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("stores") / "landsat8"
    bands = tuple(f"B{number}" for number in range(1, 12))
    with StoreWriter(path, bands=bands, classes=("a", "b", "c"), sensor="landsat8", source={}) as writer:
        for label, count in enumerate((24, 8, 8)):
            for index in range(count + 4):
                split = "train" if index < count else ("val" if index % 2 else "test")
                writer.add(rng.integers(50 * label, 50 * label + 120, (11, 16, 16)).astype(np.uint8), label, split)
        return writer.close()


def board_of(folder: Path) -> dict[str, Any]:
    board: dict[str, Any] = json.loads((folder / "leaderboard.json").read_text(encoding="utf-8"))
    return board


@pytest.mark.parametrize("file", shipped_studies(), ids=lambda file: file.stem)
def test_a_shipped_study_runs(
    raysat: Callable[..., Any], landsat8: PatchStore, tmp_path: Path, ray_session: None, file: Path
) -> None:
    space = tmp_path / file.name  # generators and a grid small enough for a test, which no option can make them
    text = file.read_text(encoding="utf-8").replace("equalise: true}", "equalise: true, steps: 2, width: 4}")
    for both, one in LEFT.items():
        text = text.replace(both, one)
    space.write_text(text, encoding="utf-8")
    assert raysat("plan", "--space", file, "--data", landsat8.path, *SMALL).code == 0
    result = raysat("ablate", "--space", space, "--data", landsat8.path, "--out", tmp_path, *SMALL)
    assert result.code == 0, result.out + result.err
    study = load_study(space)
    board = board_of(tmp_path / study.name)
    assert board["study"] == study.name
    assert {arm["name"] for arm in board["arms"]} == {arm.name for arm in study.arms}
    assert all(arm["n"] == 1 for arm in board["arms"])
    scores = [arm["balanced_accuracy"]["mean"] for arm in board["arms"]]
    assert scores == sorted(scores, reverse=True)


def published_arms() -> Iterator[Any]:
    """Every arm of a study with a reference, beside its published row."""
    for file in shipped_studies():
        study = load_study(file)
        if study.reference is not None:
            rows = reference.load(study.reference).rows
            for arm, row in itertools.zip_longest(study.arms, rows):
                yield pytest.param(arm, row, id=f"{study.name} {arm.name if arm else row.arm}")


def test_both_tables_of_the_paper_have_a_study() -> None:
    assert {load_study(file).reference for file in shipped_studies()} == {None, "table1", "table2"}
    assert len(list(published_arms())) == 16


@pytest.mark.parametrize(("arm", "row"), list(published_arms()))
def test_an_arm_is_configured_as_its_row_is_printed(arm: Arm, row: reference.PublishedRow) -> None:
    printed, config = row.methods, arm.config
    assert arm.name == row.arm
    assert config.model.name == printed.model
    assert config.loss.kind == printed.loss
    assert (config.reweight.kind == "drw") == printed.drw
    assert config.reweight.kind in ("none", "drw")
    assert (config.schedule.kind == "triangular") == printed.clr
    assert config.schedule.kind in ("constant", "triangular")
    assert (config.average.kind == "swa") == printed.swa
    assert (config.augment.kind == "augmix") == bool(printed.augmix)
    assert (config.synthetic.kind == "dcgan") == bool(printed.gan)
    assert config.sampler.kind == (printed.sampler or "uniform")
    if printed.lr is not None:
        assert config.optim.lr == printed.lr
    landsat8 = tuple(f"B{number}" for number in range(1, 12))
    bands = resolve(config.data.bands, available=landsat8, sensor="landsat8")
    if printed.bands == "all":
        assert bands == landsat8
    else:  # the GAN rows do not print theirs: those of the paper's GAN
        assert bands == tuple(f"B{number}" for number in printed.bands or (6, 5, 2))


def test_table2_runs_on_real_sentinel2_patches(raysat: Callable[..., Any], tmp_path: Path, ray_session: None) -> None:
    """The same file, written for Landsat 8, on 13-band Sentinel-2 data; plain cross-entropy learns there."""
    manifest = Path(os.environ.get("RAYSAT_TEST_DATA", ROOT.parent / "shared" / "data")) / "eurosat" / "manifest.csv"
    if not manifest.is_file():
        pytest.skip(f"{manifest} is not there; name the test data's folder with RAYSAT_TEST_DATA")
    store = tmp_path / "eurosat"
    assert raysat("data", "import", "geotiff", manifest, "--sensor", "sentinel2", "--out", store).code == 0
    space = ROOT / "search_spaces" / "table2.yaml"
    words = ["--set", "model.name=test_resnet", "--epochs", "4", "--seeds", "1", "--out", tmp_path / "runs"]
    assert raysat("ablate", "--space", space, "--data", store, *words).code == 0
    arms = {arm["name"]: arm for arm in board_of(tmp_path / "runs" / "table2")["arms"]}
    assert len(arms) == 7
    assert arms["(1)"]["balanced_accuracy"]["mean"] > 0.5
    assert arms["(2)"]["balanced_accuracy"]["mean"] > 0.5
