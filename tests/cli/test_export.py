"""``raysat export``: the folder that it writes works without raysat, and says what the run's models say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pystac
import pytest
import torch
from pystac.validation import validate_dict
from stac_model.schema import MLModelProperties

import raysat as package
from raysat.data.store import PatchStore
from raysat.inference.load import load_arm
from raysat.storage.ledger import Ledger
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

pytestmark = pytest.mark.slow

ARM = "swa, ldam"
ALWAYS = {"README.md", "SHA256SUMS", "model.json", "weights-seed0.safetensors", "weights-seed1.safetensors"}
# Runs a script where some packages cannot be imported, as if they were not installed.
WITHOUT = """
import runpy, sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
TORCH_ALONE = """
import sys, numpy, torch
program = torch.export.load(sys.argv[1]).module()
numpy.save(sys.argv[3], program(torch.from_numpy(numpy.load(sys.argv[2])).float()).detach().numpy())
"""


@pytest.fixture(scope="module", name="exported")
def _exported(tmp_path_factory: pytest.TempPathFactory, tiny_run: Ledger) -> tuple[Path, str]:
    """Everything of one arm, by the command itself; and what it printed."""
    out = tmp_path_factory.mktemp("exported") / "deep" / "model"
    words = [
        "export",
        tiny_run.root,
        "--arm",
        ARM,
        "--format",
        "safetensors,torch",
        "--format",
        "onnx,mlm",
        "--out",
        out,
    ]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "raysat", *map(str, words), "--license", "CC-BY-4.0"],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return out, done.stdout


@pytest.fixture(scope="module", name="patches")
def _patches(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore) -> Path:
    """The test patches in a file."""
    file = tmp_path_factory.mktemp("patches") / "patches.npy"
    np.save(file, landsat_store.images[landsat_store.indices("test")])
    return file


def averaged(tiny_run: Ledger, patches: Path) -> np.ndarray:
    models = load_arm(tiny_run, ARM, device=torch.device("cpu")).models
    return np.mean([model.probabilities(np.load(patches)) for model in models], axis=0)


def test_it_writes_all_that_was_asked_for_and_says_so(exported: tuple[Path, str]) -> None:
    out, said = exported
    assert {file.name for file in out.iterdir()} == ALWAYS | {"model.pt2", "model.onnx", "stac-item.json"}
    assert [path.name for path in out.parent.iterdir()] == ["model"], "nothing is left beside it"
    checked = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=out, capture_output=True, check=False)
    assert checked.returncode == 0
    assert checked.stdout.count(b": OK") == 7
    assert "arm        swa, ldam, 2 seeds: 0, 1" in said
    assert said.count("probabilities differ by ") == 2
    for file in out.iterdir():  # where a model was made is nobody's business
        assert str(ROOT).encode() not in file.read_bytes()
        assert str(out.parent.parent.parent).encode() not in file.read_bytes()


def test_it_reads_back_as_what_the_run_predicts(
    exported: tuple[Path, str], tiny_run: Ledger, patches: Path, landsat_store: PatchStore
) -> None:
    model = package.load_model(exported[0], device="cpu")
    found = model.predict(np.load(patches))
    assert (found.dtype, found.shape) == (np.float32, (20, 3))
    assert model.classes == landsat_store.classes
    assert (model.inputs.bands, model.seeds) == (("B2", "B5", "B6"), (0, 1))
    np.testing.assert_allclose(found, averaged(tiny_run, patches), atol=1e-7)
    trials = load_arm(tiny_run, ARM, device=torch.device("cpu")).trials
    on_record = np.mean([tiny_run.read_predictions(trial).probabilities.astype(np.float32) for trial in trials], axis=0)
    np.testing.assert_allclose(found, on_record, atol=5e-4)  # half a step of float16 below 1
    assert "2 seed(s), 3 x 32 x 32 patches" in repr(model)


def test_the_program_runs_with_torch_alone(
    exported: tuple[Path, str], tiny_run: Ledger, patches: Path, tmp_path: Path
) -> None:
    script = tmp_path / "alone.py"
    script.write_text(TORCH_ALONE, encoding="utf-8")
    words = ["raysat,timm,safetensors", script, exported[0] / "model.pt2", patches, tmp_path / "found.npy"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), averaged(tiny_run, patches), atol=1e-6)


def test_the_example_classifies_with_onnxruntime_and_numpy_alone(
    exported: tuple[Path, str], tiny_run: Ledger, patches: Path, tmp_path: Path
) -> None:
    script = ROOT / "examples" / "classify_onnx.py"

    def classify(file: Path) -> subprocess.CompletedProcess[str]:
        words = ["raysat,torch,timm,ray,pydantic", script, exported[0] / "model.onnx", file]
        return subprocess.run(
            [sys.executable, "-I", "-c", WITHOUT, *map(str, words)], capture_output=True, text=True, check=False
        )

    done = classify(patches)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    expected = averaged(tiny_run, patches)
    assert len(lines) == len(expected) == 20
    for number, (line, probabilities) in enumerate(zip(lines, expected, strict=True)):
        best = "abc"[probabilities.argmax()]
        assert line.startswith(f"patch {number}: {best} {probabilities.max():.3f}, ")
    np.save(tmp_path / "one.npy", np.load(patches)[0])
    assert classify(tmp_path / "one.npy").stdout == lines[0] + "\n"
    np.save(tmp_path / "other.npy", np.load(patches)[:, :2])
    assert "takes patches of 3 x 32 x 32: bands B2, B5, B6" in classify(tmp_path / "other.npy").stderr


def test_the_item_is_valid_and_says_what_the_model_takes(exported: tuple[Path, str], landsat_store: PatchStore) -> None:
    item = json.loads((exported[0] / "stac-item.json").read_text(encoding="utf-8"))
    validate_dict(item | {"stac_extensions": []})  # the schemas of extensions are not on this machine
    assert pystac.Item.from_dict(item).id == "tiny-swa-ldam"
    properties = item["properties"]
    model = MLModelProperties(**properties)
    assert (model.architecture, model.name, properties["license"]) == (
        "test_resnet",
        "raysat tiny swa ldam",
        "CC-BY-4.0",
    )
    (taken,) = model.input
    assert (taken.input.shape, taken.bands, taken.value_scaling) == ([-1, 3, 32, 32], ["B2", "B5", "B6"], None)
    bands = {band["name"]: band for band in properties["eo:bands"]}
    assert (bands["B5"]["common_name"], bands["B6"]["center_wavelength"]) == ("nir", 1.609)
    assert [each["name"] for each in properties["mlm:output"][0]["classification:classes"]] == ["a", "b", "c"]
    models = {key: asset for key, asset in item["assets"].items() if "mlm:model" in asset["roles"]}
    assert set(models) == {"torch", "onnx"}, "weights take other inputs than the programs, so they are no model"
    for asset in models.values():
        assert asset["mlm:artifact_type"]
        # By the schema of EO 1.1.0 an item has bands only where an asset has them.
        assert asset["eo:bands"] == properties["eo:bands"]
        assert (exported[0] / asset["href"]).stat().st_size == asset["file:size"]
        found = [band["statistics"]["mean"] for band in asset["raster:bands"]]
        assert found == [stats.mean for stats in landsat_store.stats]


def test_weights_alone_are_the_model_of_their_item(raysat, tiny_run: Ledger, tmp_path: Path) -> None:
    out = tmp_path / "model"
    result = raysat(
        "export",
        tiny_run.root,
        "--arm",
        "plain",
        "--seed",
        "1",
        "--format",
        "mlm",
        "--out",
        out,
        "--license",
        "Apache-2.0 OR MIT",
    )
    assert (result.code, result.err) == (0, "")
    item = json.loads((out / "stac-item.json").read_text(encoding="utf-8"))
    validate_dict(item | {"stac_extensions": []})
    assert item["properties"]["license"] == "other", "STAC knows no expressions"
    assert "Apache-2.0 OR MIT" in (out / "README.md").read_text(encoding="utf-8")
    (scaled,) = MLModelProperties(**item["properties"]).input
    assert [scale.type for scale in scaled.value_scaling] == ["z-score", "z-score"]
    assert item["assets"]["weights-seed1"]["mlm:artifact_type"] == "safetensors.torch.save_file"
    model = package.load_model(str(out))
    trial = load_arm(tiny_run, "plain", device=torch.device("cpu"), seeds=[1]).trials[0]
    kept = tiny_run.read_predictions(trial)
    store = package.open_store(tiny_run.read(trial).data.path)
    found = model.predict(store.images[kept.indices][:, [store.bands.index(band) for band in model.inputs.bands]])
    np.testing.assert_array_equal(found.astype(np.float16), kept.probabilities)


def test_the_best_arm_and_the_same_bytes_twice(raysat, tiny_run: Ledger, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert raysat("export", tiny_run.root, "--best", "--out", one).code == 0
    board = package.open_run(tiny_run.root).leaderboard()
    assert json.loads((one / "model.json").read_text(encoding="utf-8"))["origin"]["arm"] == board.ranked[0].name
    assert {file.name for file in one.iterdir()} == ALWAYS
    package.export(tiny_run.root, best=True, out=two)
    assert {f.name: f.read_bytes() for f in one.iterdir()} == {f.name: f.read_bytes() for f in two.iterdir()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "has 2 arms"),
        (["--best", "--arm", "plain"], "both --arm and --best"),
        (["--arm", "plane"], "no arm 'plane'"),
        (["--best", "--seed", "7"], "no finished trial of seed 7"),
        (["--best", "--seed", "x"], "--seed must be a whole number"),
        (["--best", "--format", "pickle"], "unknown format 'pickle'"),
        (["--best", "--format", "onnx,,mlm"], "empty name"),
        (["--best", "--license", "MIT\nx"], "is no SPDX identifier"),
        (["--best", "--license", ""], "is no SPDX identifier"),
    ],
)
def test_a_mistake_is_one_error_and_nothing_is_written(
    raysat, tiny_run: Ledger, tmp_path: Path, words, message
) -> None:
    result = raysat("export", tiny_run.root, *words, "--out", tmp_path / "made" / "out")
    assert (result.code, result.err.count("error: ")) == (2, 1)
    assert message in result.err
    assert not (tmp_path / "made").exists()


def test_what_is_there_stays_unless_it_is_a_model_to_be_replaced(raysat, tiny_run: Ledger, tmp_path: Path) -> None:
    out, mine = tmp_path / "model", tmp_path / "mine"
    words = ("export", tiny_run.root, "--arm", "plain", "--out")
    assert raysat(*words, out).code == 0
    (out / "extra").write_text("x", encoding="utf-8")
    refused = raysat(*words, out)
    assert (refused.code, refused.err.count("--overwrite")) == (2, 1)
    assert (out / "extra").exists()
    assert raysat(*words, out, "--overwrite", "--seed", "0").code == 0
    assert {file.name for file in out.iterdir()} == ALWAYS - {"weights-seed1.safetensors"}
    mine.mkdir()
    (mine / "thesis.tex").write_text("x", encoding="utf-8")
    assert "is no exported model" in raysat(*words, mine, "--overwrite").err
    assert [file.name for file in mine.iterdir()] == ["thesis.tex"]
    assert "is no exported model" in raysat(*words, out / "README.md", "--overwrite").err
    (tmp_path / "loop").symlink_to("loop")
    circle = raysat(*words, tmp_path / "loop")
    assert (circle.code, circle.err.count("\n")) == (3, 2)
    assert "cannot be written" in circle.err


def test_a_full_disk_leaves_nothing(raysat, tiny_run: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("raysat.inference.export.write.describe_file", full)
    result = raysat("export", tiny_run.root, "--best", "--out", tmp_path / "out" / "model")
    assert result.code == 3
    assert "No space left" in result.err
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(("package_name", "what"), [("onnxruntime", "onnx"), ("stac_model", "mlm")])
def test_a_missing_package_names_its_extra(
    raysat, tiny_run: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package_name: str, what: str
) -> None:
    monkeypatch.setitem(sys.modules, package_name, None)
    result = raysat("export", tiny_run.root, "--best", "--format", what, "--out", tmp_path / "out")
    assert result.code == 3
    assert package_name in result.err
    assert "it comes with raysat[export]" in result.err
    assert not (tmp_path / "out").exists()
