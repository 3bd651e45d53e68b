"""Readouts of a run: its models predict what its records hold, exported too, and its report says what was chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from raysat.api.export import export
from raysat.data.store import PatchStore
from raysat.errors import StorageError
from raysat.inference.export.onnx_file import run_onnx
from raysat.inference.export.read import read_model
from raysat.inference.load import load_arm
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.format.pages import report_page
from raysat.reporting.render.markdown import to_markdown
from raysat.storage.ledger import Ledger
from raysat.storage.records import Record
from tests.helpers.run import run_alone

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
STUDY = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {kind: adam, batch_size: 8, epochs: 1}
seeds: [0, 1]
arms:
  plain: {}
  thresholds: {readout: {kind: thresholds}}
  views: {readout: {kind: dihedral}}
  norms: {readout: {kind: tau_norm}, loss: {kind: ldam}}
  means: {readout: {kind: nearest_mean}, average: {kind: ema}}
"""
ARMS = ("thresholds", "views", "norms", "means")


@pytest.fixture(name="run", scope="module")
def _run(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore) -> Ledger:
    return run_alone(tmp_path_factory.mktemp("readouts"), STUDY, landsat_store)


@pytest.mark.parametrize("arm", ARMS)
def test_models_predict_what_records_hold(run: Ledger, landsat_store: PatchStore, arm: str) -> None:
    trained = load_arm(run, arm, device=CPU)
    for trial, model in zip(trained.trials, trained.models, strict=True):
        kept = run.read_predictions(trial)
        found = model.probabilities(landsat_store.images[kept.indices])
        np.testing.assert_array_equal(found.argmax(axis=1), kept.predicted)
        np.testing.assert_array_equal(found.astype(np.float16), kept.probabilities)


@pytest.mark.parametrize("arm", ["thresholds", "views"])
def test_exported_models_predict_it_too(run: Ledger, landsat_store: PatchStore, arm: str, tmp_path: Path) -> None:
    out = tmp_path / "model"
    export(run.root, out=out, arm=arm, formats=("torch", "onnx"))
    trained, patches = load_arm(run, arm, device=CPU), landsat_store.images[:9]
    expected = np.mean([model.probabilities(patches) for model in trained.models], axis=0)
    np.testing.assert_allclose(read_model(out, CPU).predict(patches), expected, atol=1e-6)
    of_onnx = run_onnx((out / "model.onnx").read_bytes())(patches.astype(np.float32))
    of_torch = torch.export.load(out / "model.pt2").module()(torch.from_numpy(patches.astype(np.float32)))
    for found in (of_onnx, of_torch.detach().numpy()):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_record_of_other_classes_is_refused(run: Ledger) -> None:
    trial = load_arm(run, "thresholds", device=CPU, seeds=[0]).trials[0]
    record = run.read(trial)
    assert record.readout is not None
    changed = record.readout.model_copy(update={"offset": (0.0, 1.0)})
    with pytest.raises(ValueError, match="its readout is of 2 classes"):
        Record.model_validate(record.model_copy(update={"readout": changed}).model_dump())
    file = run.root / "trials" / trial / "record.json"
    content = file.read_bytes()
    try:
        file.write_bytes(content.replace(b'"offset"', b'"onset"'))
        with pytest.raises(StorageError):
            run.read(trial)
    finally:
        file.write_bytes(content)


def test_a_report_says_what_was_chosen(run: Ledger) -> None:
    page = to_markdown(report_page(analyze([run.root])))
    section = page[page.index("## Readouts") :]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:6]
    assert [row.split("|")[1].strip() for row in rows].count("thresholds") == 2
    assert sum("tau" in row for row in rows) >= 2
    assert "chosen on val" in section
