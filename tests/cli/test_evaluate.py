"""``raysat evaluate``: models under corruptions, calibrated and elsewhere, from the command line to the report."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import raysat as package
from raysat.data.patch_store import PatchStore
from raysat.data.store import StoreWriter
from raysat.inference.corruptions.corrupt import corrupt
from raysat.inference.load import load_trial
from raysat.metrics.temperature import fit_temperature, scaled
from raysat.storage.evaluations import VALIDATION, Evaluations
from raysat.storage.ledger import Ledger
from tests.helpers.faults import wait_for
from tests.helpers.ledger import reseal
from tests.helpers.run import run_alone

pytestmark = pytest.mark.slow

STUDY = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {kind: adam, batch_size: 16, epochs: 2}
  data: {bands: [B6, B2]}
seeds: [0, 1]
arms:
  plain: {}
  "swa, ldam": {loss: {kind: ldam}, average: {kind: swa, start: 0.5}, data: {bands: all}}
"""


@pytest.fixture(scope="module", name="trained")
def _trained(tmp_path_factory: pytest.TempPathFactory, small_store: PatchStore) -> Ledger:
    return run_alone(tmp_path_factory.mktemp("evaluate"), STUDY, small_store)


@pytest.fixture(name="run")
def _run(trained: Ledger, tmp_path: Path) -> Ledger:
    """A copy that a test may write to."""
    shutil.copytree(trained.root, tmp_path / "run")
    return Ledger(tmp_path / "run")


def write_other(path: Path, store: PatchStore, **changes) -> Path:
    """A store of another year: the bands in another order, a class less."""
    of = {"bands": ("B6", "B2", "B5"), "classes": ("c", "a"), "sensor": "landsat8"} | changes
    size, dtype = of.pop("size", 16), of.pop("dtype", np.uint8)
    rng = np.random.default_rng(3)
    with StoreWriter(path, source={}, **of) as writer:
        for number in range(30):
            label = number % len(of["classes"])
            patch = rng.integers(0, 100, (len(of["bands"]), size, size)).astype(dtype)
            writer.add(patch, label, ("train", "val", "test")[number % 3])
        writer.close()
    return path


@pytest.mark.slow
def test_corruptions_are_evaluated_kept_and_reported(raysat, run: Ledger, small_store: PatchStore) -> None:
    words = ("evaluate", run.root, "--corruption", "haze,dropout", "--severities", "2,5")
    result = raysat(*words)
    assert (result.code, result.err) == (0, "")
    assert "evaluated  16 now, 0 before" in result.out
    assert "Which method keeps its gain under haze?" in result.out
    assert "2 seeds" in result.out
    kept = Evaluations(run.root)
    assert kept.names() == ("dropout-2", "dropout-5", "haze-2", "haze-5")
    for trial in run.read_plan().trial_ids:
        model, own = load_trial(run, trial, device=torch.device("cpu")), run.read_predictions(trial)
        bands = [small_store.bands.index(band) for band in model.inputs.bands]
        clean = model.to_device(small_store.images[own.indices][:, bands])
        found = model.posterior(corrupt(clean, torch.tensor(own.indices), model.inputs, "haze", 5)).numpy()
        there = kept.read_predictions("haze-5", trial)
        np.testing.assert_array_equal(there.predicted, found.argmax(axis=1))
        np.testing.assert_array_equal(there.probabilities, found.astype(np.float16))
        np.testing.assert_array_equal(there.indices, own.indices)
    stamps = {file: file.stat().st_mtime_ns for file in kept.root.rglob("*.npz")}
    assert "evaluated  0 now, 16 before" in raysat(*words).out
    assert {file: file.stat().st_mtime_ns for file in kept.root.rglob("*.npz")} == stamps
    shutil.rmtree(kept.root / "haze-2" / run.read_plan().trial_ids[0])
    assert "evaluated  1 now, 15 before" in raysat(*words).out
    assert raysat("report", run.root, "--format", "json").code == 0
    value = json.loads((run.root / "report" / "report.json").read_text(encoding="utf-8"))["later"]["robustness"]
    assert value["severities"] == {"haze": [2, 5], "dropout": [2, 5]}
    assert value["patches"] == len(small_store.indices("test"))
    assert raysat("ledger", "verify", run.root).code == 0


def test_what_is_damaged_or_of_other_weights_is_evaluated_again(raysat, run: Ledger) -> None:
    words = ("evaluate", run.root, "--corruption", "haze", "--severities", "2", "--calibrate", "temperature")
    assert "8 now, 0 before" in raysat(*words).out
    first, second, *_ = run.read_plan().trial_ids
    (run.root / "evaluations" / "haze-2" / first / "predictions.npz").write_bytes(b"broken")
    assert "1 now, 7 before" in raysat(*words).out
    weights = torch.load(io.BytesIO(run.read_weights(second)), weights_only=True)
    buffer = io.BytesIO()
    torch.save({name: 0.9 * value if value.is_floating_point() else value for name, value in weights.items()}, buffer)
    reseal(run, second, {"model.pt": buffer.getvalue()})
    assert raysat("ledger", "verify", run.root).code == 1
    assert "Left out: 2 evaluations" in raysat("evaluate", *words[1:], "--seeds", "0").out
    assert "2 now, 6 before" in raysat(*words).out
    assert raysat("ledger", "verify", run.root).code == 0


def test_pixels_without_data_stay_so_under_corruptions(tmp_path: Path, run_of_nodata: Ledger) -> None:
    run, store = run_of_nodata, PatchStore.open(Path(run_of_nodata.read_plan().data.name))
    package.evaluate(run.root, corruptions=["noise"], severities=[5])
    (trial,) = run.read_plan().trial_ids
    model, own = load_trial(run, trial, device=torch.device("cpu")), run.read_predictions(trial)
    clean = model.to_device(store.images[own.indices])
    noisy = corrupt(clean, torch.tensor(own.indices), model.inputs, "noise", 5)
    noisy[:, 0, :4] = clean[:, 0, :4]  # where that band has no data
    found = Evaluations(run.root).read_predictions("noise-5", trial)
    np.testing.assert_array_equal(found.probabilities, model.posterior(noisy).numpy().astype(np.float16))


@pytest.fixture(name="run_of_nodata")
def _run_of_nodata(tmp_path: Path) -> Ledger:
    """A run on patches whose first band has no data in four rows."""
    rng, missing = np.random.default_rng(0), np.zeros((2, 16, 16), bool)
    missing[0, :4] = True
    with StoreWriter(
        tmp_path / "store", source={}, bands=("B2", "B6"), classes=("a", "b"), sensor="landsat8"
    ) as writer:
        for number in range(24):
            patch = rng.integers(50, 200, (2, 16, 16)).astype(np.uint8)
            writer.add(patch, number % 2, ("train", "val", "test")[number % 3], missing=missing)
        writer.close()
    study = """
study: holes
base: {model: {name: test_resnet}, optim: {kind: adam, batch_size: 8, epochs: 1}}
seeds: [0]
arms: {plain: {}}
"""
    (tmp_path / "runs").mkdir()
    return run_alone(tmp_path / "runs", study, PatchStore.open(tmp_path / "store"))


def test_a_temperature_is_fitted_to_val_and_used_on_test(raysat, run: Ledger, small_store: PatchStore) -> None:
    result = raysat("evaluate", run.root, "--calibrate", "temperature", "--arms", "swa, ldam", "--seeds", "1")
    assert (result.code, result.err) == (0, "")
    (trial,) = Evaluations(run.root).trials("temperature")
    kept, model = Evaluations(run.root), load_trial(run, trial, device=torch.device("cpu"))
    val = small_store.indices("val")
    before = model.probabilities(small_store.images[val])
    record = kept.read("temperature", trial).subject
    assert record.temperature == pytest.approx(fit_temperature(small_store.labels[val], before))
    assert (record.fitted_to, record.halved) == (len(val), False)
    assert record.nll_after <= record.nll_before
    validation, test = (
        kept.read_predictions("temperature", trial, VALIDATION),
        kept.read_predictions("temperature", trial),
    )
    np.testing.assert_array_equal(validation.indices, val)
    np.testing.assert_allclose(validation.probabilities, scaled(before, record.temperature), atol=1e-3)
    np.testing.assert_array_equal(test.predicted, run.read_predictions(trial).predicted)


def test_another_store_may_have_other_bands_and_fewer_classes(raysat, run, small_store, tmp_path) -> None:
    other = write_other(tmp_path / "other", small_store)
    result = raysat("evaluate", run.root, "--data", other, "--split", "all")
    assert (result.code, result.err) == (0, "")
    assert "30 patches of its splits together" in result.out
    (name,) = Evaluations(run.root).names()
    store = PatchStore.open(other)
    for trial in Evaluations(run.root).trials(name):
        model, kept = (
            load_trial(run, trial, device=torch.device("cpu")),
            Evaluations(run.root).read_predictions(name, trial),
        )
        bands = [store.bands.index(band) for band in model.inputs.bands]
        found = model.probabilities(store.images[:, bands])
        np.testing.assert_array_equal(kept.probabilities, found.astype(np.float16))
        np.testing.assert_array_equal(kept.labels, [2, 0] * 15)


@pytest.mark.slow
def test_what_was_stopped_goes_on_where_it_was(raysat, run: Ledger) -> None:
    words = ["evaluate", str(run.root), "--corruption", "noise,cloud,striping"]
    process = subprocess.Popen(
        [sys.executable, "-m", "raysat", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    kept = run.root / "evaluations"

    def whole() -> list[Path]:
        """Those that are not being written under another name."""
        found = (path.relative_to(kept) for path in kept.glob("*/*/record.json"))
        return [path for path in found if not any(part.startswith(".") for part in path.parts)]

    wait_for(lambda: bool(whole()), process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, "", "stopped; the same command resumes from here")
    done = len(whole())
    assert 1 <= done < 60
    assert not list(kept.rglob("*.partial"))
    assert f"evaluated  {60 - done} now, {done} before" in raysat(*words).out
    assert raysat("ledger", "verify", run.root).code == 0


def test_python_does_the_same(run: Ledger) -> None:
    found = package.evaluate(run.root, corruptions=["noise"], severities=[1], arms=["plain"])
    assert (found.evaluated, found.kept) == (2, 0)
    assert repr(found).endswith("2 evaluated now, 0 before>")
    assert list(found.table("robustness")["n"])
    assert "noise" in str(found)
    frame = found.to_frame()
    value = frame.loc[("corruption", "noise-1", "plain", "balanced_accuracy", "value")]
    predictions = [Evaluations(run.root).read_predictions("noise-1", trial) for trial in run.read_plan().trial_ids[:2]]
    assert value["value"] == pytest.approx(np.mean([each.metrics().balanced_accuracy for each in predictions]))
    assert (value["n"], value["patches"]) == (2, len(predictions[0].labels))
    assert frame.index.is_unique
    with pytest.raises(package.RaysatError, match="no severity"):
        package.evaluate(run.root, corruptions=["noise"], severities=[])


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ((), "nothing to evaluate"),
        (("--corruption", "fog"), "no corruption 'fog'"),
        (("--corruption", "haze,haze"), "twice"),
        (("--corruption", ""), "--corruption '' has an empty name"),
        (("--corruptions", "--severities", "0"), "--severities must be a whole number from 1 to 5, got 0"),
        (("--corruptions", "--severities", "x"), "--severities must be a whole number from 1 to 5, got x"),
        (("--corruptions", "--severities", "1,1"), "twice"),
        (("--corruptions", "--seeds", "4294967296"), "--seeds must be a whole number from 0 to 4,294,967,295"),
        (("--importance", "--repeats", "101"), "--repeats must be a whole number from 1 to 100"),
        (("--corruptions", "--arms", "plane"), "no arm 'plane'"),
        (("--corruptions", "--arms", "plain", "--seeds", "7"), "no finished trial of seed 7"),
        (("--corruptions", "--seeds", "0,7"), "no finished trial of seed 7"),
        (("--corruptions", "--split", "val"), "--split is of another store"),
        (("--calibrate", "platt"), "temperature"),
        (("--data", "nowhere"), "no patch store nowhere"),
    ],
)
def test_a_wrong_request_is_one_line_and_writes_nothing(raysat, run: Ledger, words, match) -> None:
    result = raysat("evaluate", run.root, *words)
    assert result.code == 2
    assert match in result.err
    assert "Traceback" not in result.err
    assert not (run.root / "evaluations").exists()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"bands": ("B6", "B5")}, "lacks bands that the models take: B2"),
        ({"size": 8}, "8 x 8 pixels, the models take patches 16 x 16 pixels"),
        ({"dtype": np.uint16}, "values uint16, the models take values uint8"),
        ({"sensor": "landsat7"}, "of landsat7, the models take patches of landsat8"),
        ({"classes": ("a", "ice")}, "classes that the models were not taught: ice"),
    ],
)
def test_a_store_that_does_not_fit_is_refused(raysat, run, small_store, tmp_path, changes, match) -> None:
    other = write_other(tmp_path / "other", small_store, **changes)
    result = raysat("evaluate", run.root, "--corruptions", "--calibrate", "temperature", "--data", other)
    assert result.code == 2
    assert match in " ".join(result.err.split())
    assert not (run.root / "evaluations").exists()


def test_a_store_that_moved_is_named_with_data(raysat, run: Ledger, small_store: PatchStore, tmp_path: Path) -> None:
    plan = json.loads((run.root / "plan.json").read_text(encoding="utf-8"))
    plan["data"]["name"] = str(tmp_path / "gone")
    (run.root / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    words = ("evaluate", run.root, "--corruption", "gain", "--severities", "1", "--arms", "plain")
    result = raysat(*words)
    assert result.code == 2
    assert "--data" in result.err
    assert raysat(*words, "--data", small_store.path).code == 0
    assert Evaluations(run.root).names() == ("gain-1",)
