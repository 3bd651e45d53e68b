"""The real command on real patches: those of a EuroSAT run, put together to a scene, and each of its refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from raysat import import_geotiff, open_run
from raysat.data.store import PatchStore
from raysat.storage.ledger import Ledger
from tests.helpers.maps import write_scene
from tests.helpers.run import run_alone

pytestmark = pytest.mark.slow

STUDY = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {kind: adam, batch_size: 16, epochs: 2}
seeds: [0, 1]
arms:
  plain: {}
  other: {loss: {kind: focal}}
"""


@pytest.fixture(scope="module")
def store(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    folder = tmp_path_factory.mktemp("eurosat")
    return import_geotiff(real_data / "eurosat" / "manifest.csv", out=folder / "store", sensor="sentinel2").store


@pytest.fixture(scope="module")
def run(store: PatchStore, tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    return run_alone(tmp_path_factory.mktemp("tiny"), STUDY, store)


@pytest.fixture(scope="module")
def scene(store: PatchStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 49 test patches, row by row."""
    patches = store.images[store.indices("test")].reshape(7, 7, 13, 64, 64)
    pixels = patches.transpose(2, 0, 3, 1, 4).reshape(13, 448, 448)
    return write_scene(tmp_path_factory.mktemp("scenes") / "mosaic.tif", pixels, bands=store.bands, tiled=True)


def test_cells_of_a_mosaic_are_the_runs_predictions(raysat, tmp_path, run, scene) -> None:
    out = tmp_path / "maps"
    done = raysat("predict", run.root, scene, "--arm", "plain", "--out", out, "--probabilities", "float16", "--png")
    assert (done.code, done.err) == (0, "")
    assert "wrote class.tif, probabilities.tif, entropy.tif, disagreement.tif, map.png" in done.out
    arm = next(arm for arm in run.read_plan().arms if arm.name == "plain")
    kept = [run.read_predictions(trial.id) for trial in arm.trials]
    mean = np.mean([each.probabilities.astype(np.float32) for each in kept], axis=0)
    with rasterio.open(out / "mosaic" / "probabilities.tif") as file:
        found = file.read().reshape(4, -1).T
    np.testing.assert_allclose(found, mean, atol=1e-3)  # both in float16
    with rasterio.open(out / "mosaic" / "class.tif") as file:
        classes = file.read(1).ravel()
    sure = np.sort(mean, axis=1)[:, -1] - np.sort(mean, axis=1)[:, -2] > 1e-3  # else rounding may decide
    assert sure.sum() > 40
    np.testing.assert_array_equal(classes[sure], mean.argmax(axis=1)[sure])
    for name in ("class", "probabilities", "entropy", "disagreement"):
        assert cog_validate(out / "mosaic" / f"{name}.tif", strict=True, quiet=True) == (True, [], [])
    one = raysat("predict", run.root, scene, "--arm", "plain", "--seeds", "1", "--out", tmp_path / "one")
    assert one.code == 0
    with rasterio.open(tmp_path / "one" / "mosaic" / "class.tif") as file:
        np.testing.assert_array_equal(file.read(1).ravel(), kept[1].predicted)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_store_becomes_a_table_with_metrics(raysat, tmp_path, run, store, suffix) -> None:
    file = tmp_path / f"said{suffix}"
    done = raysat("predict", run.root, store.path, "--out", file, "--best", "--split", "all")
    assert done.code == 0, done.err
    best = open_run(run.root).leaderboard().arms[0].name
    assert f"arm        {best} (the first of the leaderboard)" in done.out
    assert "balanced accuracy" in done.out
    assert "ICV" in done.out
    table = pd.read_csv(file) if suffix == ".csv" else pd.read_parquet(file)
    assert len(table) == len(store)
    columns = [f"p_{name}" for name in store.classes]
    np.testing.assert_allclose(table[columns].sum(axis=1), 1, atol=1e-5)
    assert (table["predicted"] == np.array(store.classes)[table[columns].to_numpy().argmax(axis=1)]).all()
    assert (table["label"] == np.array(store.classes)[store.labels]).all()
    again = raysat("predict", run.root, store.path, "--out", file)
    assert (again.code, "is there already" in again.err) == (2, True)


REFUSED = {
    ("--arm", "plane"): "no arm 'plane'",
    ("--arm", "plain", "--best"): "two ways to say which arm",
    ("--seeds", "0,7"): "has no finished trial of seed 7",
    ("--seeds", "0,x"): "--seeds must be a whole number from 0",
    ("--stride", "65"): "must be from 1 to 64, the model's patches, not 65",
    ("--stride", "0"): "--stride must be a whole number from 1",
    ("--bbox", "1,2,3"): "--bbox is four numbers",
    ("--bbox", "a,b,c,d"): "--bbox must be four numbers",
    ("--bbox", "0,0,1,1"): "holds nothing of mosaic",
    ("--sensor", "landsat8"): "is of landsat8, the model was trained on sentinel2",
    ("--split", "test"): "--split is of a patch store",
}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_what_cannot_be_is_refused_in_one_line(raysat, tmp_path, run, scene, words) -> None:
    done = raysat("predict", run.root, scene, "--out", tmp_path / "maps", *words)
    assert done.code == 2
    assert REFUSED[words] in done.err
    assert done.err.startswith("error: ")
    assert not (tmp_path / "maps").exists()


def test_more_is_refused(raysat, tmp_path, run, scene, store) -> None:
    def fails(*words: str | Path) -> str:
        done = raysat("predict", run.root, *words)
        assert done.code == 2
        return done.err

    assert "is not on this machine" in fails("https://example.com/a.tif", "--out", tmp_path / "maps")
    assert "--png is of scenes" in fails(store.path, "--out", tmp_path / "a.csv", "--png")
    assert "cannot write predictions to" in fails(store.path, "--out", tmp_path / "a.txt")
    assert "would both be called mosaic" in fails(scene, scene, "--out", tmp_path / "maps")
    assert "is a file" in fails(scene, "--out", scene)
    assert "is no folder of this machine" in fails(scene, "--out", "s3://bucket/maps")
    assert list(tmp_path.iterdir()) == []
