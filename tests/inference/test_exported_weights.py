"""What is handed on with a model that began from weights: whose they are, and nothing of where they lay."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from raysat.api.export import export
from raysat.data.store import PatchStore
from raysat.data.weights.source import sha256
from raysat.inference.export.read import read_model
from raysat.inference.load import load_arm
from raysat.storage.ledger import Ledger
from tests.helpers.run import run_alone
from tests.helpers.satellite import save_file, trained, without_classifier
from tests.helpers.training import TINY

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
STUDY = """
study: tiny
base:
  model: {{name: {model}}}
  optim: {{kind: adam, batch_size: 8, epochs: 1}}
seeds: [0]
grid: {{model.weights: [null, {file}]}}
"""
PAPER = "https://example.org/paper"


@pytest.fixture(name="file", scope="module")
def _file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    about = {"sensor": "landsat8", "std": 100, "licence": "CC-BY-4.0", "dataset": "SSL4EO-L", "publication": PAPER}
    names, folder = ("B4", "B3", "B2"), tmp_path_factory.mktemp("of_the_trainer")
    return save_file(folder, without_classifier(trained(TINY, len(names))), bands=names, name="mine.pth", **about)


@pytest.fixture(name="run", scope="module")
def _run(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore, file: Path) -> Ledger:
    return run_alone(tmp_path_factory.mktemp("weights"), STUDY.format(model=TINY, file=file), landsat_store)


def test_their_licence_and_hash_are_handed_on_and_no_path(
    run: Ledger, file: Path, landsat_store: PatchStore, tmp_path: Path
) -> None:
    out, arm = tmp_path / "model", f"weights={file}"
    done = export(run.root, out=out, arm=arm, formats=("torch", "onnx", "mlm"))
    for each in out.iterdir():
        assert str(file.parent).encode() not in each.read_bytes(), each.name

    about = json.loads((out / "model.json").read_text(encoding="utf-8"))
    assert about["pretrained"] == {
        "file": "mine.pth",
        "sha256": sha256(file),
        "licence": "CC-BY-4.0",
        "name": None,
        "url": None,
        "dataset": "SSL4EO-L",
        "publication": PAPER,
    }
    assert about["config"]["model"]["weights"] == "mine.pth"
    assert about["origin"]["arm"] == "weights=mine.pth"
    assert "model.weights=mine.pth" in about["origin"]["settings"]
    item = json.loads((out / "stac-item.json").read_text(encoding="utf-8"))["properties"]
    said = f"mine.pth, licence: CC-BY-4.0, {PAPER}"
    assert item["mlm:pretrained"] is True
    assert item["mlm:pretrained_source"] == f"weights of satellite images, {said}"
    in_onnx = {entry.key: entry.value for entry in onnx.load(out / "model.onnx").metadata_props}
    assert json.loads(in_onnx["pretrained"])["licence"] == "CC-BY-4.0"
    card = (out / "README.md").read_text(encoding="utf-8")
    assert f"mine.pth (SHA-256 {sha256(file)}), trained on SSL4EO-L" in card
    assert f"The weights that training began from, {said}." in card
    assert "the licences of the data and of the weights that training began from allow" in card
    assert f"{PAPER}: the weights that training began from." in card

    patches, read = landsat_store.images[:5], read_model(out, CPU)
    np.testing.assert_array_equal(
        read.predict(patches), load_arm(run, arm, device=CPU).models[0].probabilities(patches)
    )
    spec = run.read_spec(done.manifest.members[0].trial)
    assert read.manifest.config.identity() == spec.config.identity(), "it is known by the weights' hash"


def test_of_random_weights_there_is_nothing_to_say(run: Ledger, tmp_path: Path) -> None:
    export(run.root, out=tmp_path / "model", arm="weights=None", formats=("onnx", "mlm"))
    assert "pretrained" not in json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))
    item = json.loads((tmp_path / "model" / "stac-item.json").read_text(encoding="utf-8"))["properties"]
    assert item["mlm:pretrained"] is False
    in_onnx = onnx.load(tmp_path / "model" / "model.onnx").metadata_props
    assert "pretrained" not in {entry.key for entry in in_onnx}
    assert "training began from" not in (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
