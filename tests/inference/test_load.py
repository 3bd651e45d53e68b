"""Models read back from a run: they say what the run's own predictions say."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from raysat.data.model_inputs import ModelInputs
from raysat.data.store import PatchStore
from raysat.errors import DataError, StorageError, TrainingError, UsageError
from raysat.inference.classifier import Classifier
from raysat.inference.load import finished_trials, load_arm, load_trial
from raysat.storage.ledger import Ledger
from raysat.storage.sealed import SUMS, encode_sums

CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["plain", "swa, ldam"])
def test_models_of_an_arm_predict_what_its_records_hold(tiny_run: Ledger, landsat_store: PatchStore, arm: str) -> None:
    trained = load_arm(tiny_run, arm, device=CPU)
    assert trained.seeds == (0, 1)
    assert trained.classes == landsat_store.classes
    bands = [landsat_store.bands.index(band) for band in trained.inputs.bands]
    for trial, model in zip(trained.trials, trained.models, strict=True):
        kept = tiny_run.read_predictions(trial)
        found = model.probabilities(landsat_store.images[kept.indices][:, bands])
        np.testing.assert_array_equal(found.argmax(axis=1), kept.predicted)
        np.testing.assert_array_equal(found.astype(np.float16), kept.probabilities)
    assert not np.array_equal(*(model.probabilities(landsat_store.images[:4, bands]) for model in trained.models))


def test_a_record_says_what_its_model_takes(tiny_run: Ledger, landsat_store: PatchStore) -> None:
    inputs = load_arm(tiny_run, "plain", device=CPU, seeds=[1]).inputs
    assert inputs == ModelInputs.of(landsat_store, ["B6", "B2"])
    assert (inputs.bands, inputs.height, inputs.width, inputs.dtype) == (("B6", "B2"), 32, 32, "uint8")
    assert inputs.stats == (landsat_store.stats[2], landsat_store.stats[0])
    assert inputs.sensor == "landsat8"


def test_an_older_record_needs_its_store(tiny_run: Ledger, landsat_store: PatchStore, make_store) -> None:
    trial = load_arm(tiny_run, "plain", device=CPU, seeds=[0]).trials[0]
    folder = tiny_run.root / "trials" / trial
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    record = json.loads(kept["record.json"])
    del record["inputs"]
    older = {name: content for name, content in kept.items() if name != SUMS}
    older["record.json"] = json.dumps(record).encode()
    try:
        for name, content in (older | {SUMS: encode_sums(older)}).items():
            (folder / name).write_bytes(content)
        with pytest.raises(UsageError, match="does not say what patches"):
            load_trial(tiny_run, trial, device=CPU)
        with pytest.raises(UsageError, match="is not the store"):
            load_trial(tiny_run, trial, device=CPU, store=make_store())
        model = load_trial(tiny_run, trial, device=CPU, store=landsat_store)
        assert model.inputs == ModelInputs.of(landsat_store, ["B6", "B2"])
    finally:
        for name, content in kept.items():
            (folder / name).write_bytes(content)


def test_what_is_not_there_is_named(tiny_run: Ledger) -> None:
    with pytest.raises(UsageError, match="no arm 'plane'") as caught:
        load_arm(tiny_run, "plane", device=CPU)
    assert "plain" in str(caught.value.hint)
    with pytest.raises(UsageError, match="no finished trial of seed 7"):
        load_arm(tiny_run, "plain", device=CPU, seeds=[0, 7])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"bands": ("B6", "B5")}, r"seed 0 takes bands \('B6', 'B2'\), seed 1 \('B6', 'B5'\)"),
        ({"height": 16}, "seed 0 takes height 32, seed 1 16"),
        ({"dtype": "uint16"}, "seed 0 takes dtype uint8, seed 1 uint16"),
        ({}, "seeds 0 and 1 tell other classes apart"),
    ],
)
def test_seeds_that_take_other_patches_are_not_averaged(tiny_run: Ledger, monkeypatch, other, said) -> None:
    def load(ledger: Ledger, trial: str, **options: object) -> Classifier:
        model = load_trial(ledger, trial, **options)  # type: ignore[arg-type]
        if ledger.read_spec(trial).seed == 0:
            return model
        return replace(model, inputs=model.inputs.model_copy(update=other), classes=model.classes[: 3 if other else 2])

    monkeypatch.setattr("raysat.inference.load.load_trial", load)
    with pytest.raises(StorageError, match=said):
        load_arm(tiny_run, "plain", device=CPU)


def test_patches_of_another_shape_are_refused(tiny_run: Ledger) -> None:
    model = load_arm(tiny_run, "plain", device=CPU, seeds=[0]).models[0]
    with pytest.raises(DataError, match="patches are 3 x 32 x 32, the model takes 2 x 32 x 32"):
        model.probabilities(np.zeros((1, 3, 32, 32), np.uint8))


class _Planted:
    def __reduce__(self):
        return (print, ("obeyed",))


def _encoded(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _packed(value: object) -> bytes:
    """The same, compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_encoded(value))) as saved, zipfile.ZipFile(buffer, "w") as out:
        for member in saved.namelist():
            out.writestr(member, saved.read(member), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "error", "match"),
    [
        (pickle.dumps(_Planted()), StorageError, "cannot be read"),
        (_encoded(_Planted()), StorageError, "cannot be read"),
        (b"", StorageError, "cannot be read"),
        (_encoded([1, 2]), StorageError, "no tensors by name"),
        (_encoded({"fc.weight": torch.zeros(1)}), TrainingError, "do not fit test_resnet: .* is missing"),
        (_encoded({"fc.weight": torch.zeros(1).expand(1 << 40)}), StorageError, "more than their file holds"),
        (_packed({"fc.weight": torch.zeros(1 << 22)}), StorageError, "larger when unpacked"),
    ],
    ids=["pickle", "planted", "empty", "list", "another", "one value for all", "packed"],
)
def test_hostile_weights_are_refused(tmp_path, tiny_run: Ledger, capsys, content, error, match) -> None:
    shutil.copytree(tiny_run.root, tmp_path / "run")
    ledger = Ledger(tmp_path / "run")
    (trial,) = finished_trials(ledger, "plain", [0]).values()
    folder = ledger.root / "trials" / trial
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != SUMS} | {"model.pt": content}
    for name, written in (files | {SUMS: encode_sums(files)}).items():
        (folder / name).write_bytes(written)
    with pytest.raises(error, match=match):
        load_trial(ledger, trial, device=CPU)
    assert "obeyed" not in capsys.readouterr().out
