"""Models read back from a run: they say what the run's own predictions say."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from raysat.data.model_inputs import ModelInputs
from raysat.data.store import PatchStore
from raysat.errors import DataError, StorageError, TrainingError, UsageError
from raysat.inference.classifier import Classifier
from raysat.inference.load import load_arm, load_trial
from raysat.storage.ledger import Ledger
from raysat.storage.sealed import SUMS, encode_sums
from tests.helpers.run import run_alone

CPU = torch.device("cpu")
STUDY = """
study: tiny
base:
  model: {name: test_resnet}
  optim: {kind: adam, batch_size: 8, epochs: 2}
  data: {bands: [B6, B2]}
seeds: [0, 1]
arms:
  plain: {}
  swa, ldam: {loss: {kind: ldam}, average: {kind: swa, start: 0.5}, data: {bands: all}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore) -> Ledger:
    return run_alone(tmp_path_factory.mktemp("tiny"), STUDY, landsat_store)


@pytest.mark.parametrize("arm", ["plain", "swa, ldam"])
def test_models_of_an_arm_predict_what_its_records_hold(run: Ledger, landsat_store: PatchStore, arm: str) -> None:
    trained = load_arm(run, arm, device=CPU)
    assert trained.seeds == (0, 1)
    assert trained.classes == landsat_store.classes
    bands = [landsat_store.bands.index(band) for band in trained.inputs.bands]
    for trial, model in zip(trained.trials, trained.models, strict=True):
        kept = run.read_predictions(trial)
        found = model.probabilities(landsat_store.images[kept.indices][:, bands])
        np.testing.assert_array_equal(found.argmax(axis=1), kept.predicted)
        np.testing.assert_array_equal(found.astype(np.float16), kept.probabilities)
    assert not np.array_equal(*(model.probabilities(landsat_store.images[:4, bands]) for model in trained.models))


def test_a_record_says_what_its_model_takes(run: Ledger, landsat_store: PatchStore) -> None:
    inputs = load_arm(run, "plain", device=CPU, seeds=[1]).inputs
    assert inputs == ModelInputs.of(landsat_store, ["B6", "B2"])
    assert (inputs.bands, inputs.height, inputs.width, inputs.dtype) == (("B6", "B2"), 32, 32, "uint8")
    assert inputs.stats == (landsat_store.stats[2], landsat_store.stats[0])
    assert inputs.sensor == "landsat8"


def test_an_older_record_needs_its_store(run: Ledger, landsat_store: PatchStore, make_store) -> None:
    trial = load_arm(run, "plain", device=CPU, seeds=[0]).trials[0]
    folder = run.root / "trials" / trial
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    record = json.loads(kept["record.json"])
    del record["inputs"]
    older = {name: content for name, content in kept.items() if name != SUMS}
    older["record.json"] = json.dumps(record).encode()
    try:
        for name, content in (older | {SUMS: encode_sums(older)}).items():
            (folder / name).write_bytes(content)
        with pytest.raises(UsageError, match="does not say what patches"):
            load_trial(run, trial, device=CPU)
        with pytest.raises(UsageError, match="is not the store"):
            load_trial(run, trial, device=CPU, store=make_store())
        model = load_trial(run, trial, device=CPU, store=landsat_store)
        assert model.inputs == ModelInputs.of(landsat_store, ["B6", "B2"])
    finally:
        for name, content in kept.items():
            (folder / name).write_bytes(content)


def test_what_is_not_there_is_named(run: Ledger) -> None:
    with pytest.raises(UsageError, match="no arm 'plane'") as caught:
        load_arm(run, "plane", device=CPU)
    assert "plain" in str(caught.value.hint)
    with pytest.raises(UsageError, match="no finished trial of seed 7"):
        load_arm(run, "plain", device=CPU, seeds=[0, 7])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"bands": ("B6", "B5")}, r"seed 0 takes bands \('B6', 'B2'\), seed 1 \('B6', 'B5'\)"),
        ({"height": 16}, "seed 0 takes height 32, seed 1 16"),
        ({"dtype": "uint16"}, "seed 0 takes dtype uint8, seed 1 uint16"),
        ({}, "seeds 0 and 1 tell other classes apart"),
    ],
)
def test_seeds_that_take_other_patches_are_not_averaged(run: Ledger, monkeypatch, other, said) -> None:
    def load(ledger: Ledger, trial: str, **options: object) -> Classifier:
        model = load_trial(ledger, trial, **options)  # type: ignore[arg-type]
        if ledger.read_spec(trial).seed == 0:
            return model
        return replace(model, inputs=model.inputs.model_copy(update=other), classes=model.classes[: 3 if other else 2])

    monkeypatch.setattr("raysat.inference.load.load_trial", load)
    with pytest.raises(StorageError, match=said):
        load_arm(run, "plain", device=CPU)


def test_patches_of_another_shape_are_refused(run: Ledger) -> None:
    model = load_arm(run, "plain", device=CPU, seeds=[0]).models[0]
    with pytest.raises(DataError, match="patches are 3 x 32 x 32, the model takes 2 x 32 x 32"):
        model.probabilities(np.zeros((1, 3, 32, 32), np.uint8))


class _Planted:
    def __reduce__(self):
        return (print, ("obeyed",))


def _encoded(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "error", "match"),
    [
        (pickle.dumps(_Planted()), StorageError, "cannot be read"),
        (_encoded(_Planted()), StorageError, "cannot be read"),
        (b"", StorageError, "cannot be read"),
        (_encoded([1, 2]), StorageError, "no tensors by name"),
        (_encoded({"fc.weight": torch.zeros(1)}), TrainingError, "do not fit test_resnet"),
    ],
    ids=["pickle", "planted", "empty", "list", "another"],
)
def test_hostile_weights_are_refused(tmp_path, landsat_store, capsys, content, error, match) -> None:
    text = STUDY.replace("seeds: [0, 1]", "seeds: [0]").replace("epochs: 2", "epochs: 1").partition("  swa, ldam")[0]
    ledger = run_alone(tmp_path, text, landsat_store)
    (trial,) = ledger.read_plan().trial_ids
    folder = ledger.root / "trials" / trial
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != SUMS} | {"model.pt": content}
    for name, written in (files | {SUMS: encode_sums(files)}).items():
        (folder / name).write_bytes(written)
    with pytest.raises(error, match=match):
        load_trial(ledger, trial, device=CPU)
    assert "obeyed" not in capsys.readouterr().out
