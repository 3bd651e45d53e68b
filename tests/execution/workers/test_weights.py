"""Trials that start from weights, in a worker: what is on record of them, alone and where they share epochs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.data.weights.source import sha256
from raysat.execution.workers.worker import do_job
from raysat.execution.workers.worker_context import WorkerGroup
from tests.helpers.satellite import band_names, make_store, save_file, trained, without_classifier
from tests.helpers.training import TINY
from tests.helpers.worker import Bench, one_job, planned


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    return make_store(tmp_path / "store", band_names("landsat8"), sensor="landsat8", size=16)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    about = {"sensor": "sentinel2", "std": 10_000, "licence": "CC-BY-4.0", "dataset": "SSL4EO-S12"}
    names = ("B02", "B03", "B04", "B8A", "B11")
    return save_file(tmp_path, without_classifier(trained(TINY, len(names))), bands=names, **about)


def test_licence_and_hash_are_on_record(store: PatchStore, file: Path) -> None:
    plain, probe = planned(store), planned(store, model={"weights": str(file), "trains": "head"})
    found = {}
    for trial in (plain, probe):
        bench = Bench(store)
        do_job(one_job(trial), bench.context, WorkerGroup())
        assert bench.storage.failures == {}
        found[trial.id] = json.loads(bench.storage.records[trial.id]["record.json"])
    assert "weights" not in found[plain.id]
    used = found[probe.id]["weights"]
    assert (used["file"], used["sha256"], used["licence"]) == ("weights.pth", sha256(file), "CC-BY-4.0")
    assert used["dataset"] == "SSL4EO-S12"


def test_trials_that_share_their_epochs_are_those_alone_bit_for_bit(store: PatchStore, file: Path) -> None:
    model = {"weights": str(file), "trains": 2, "layer_decay": 0.7}
    trials = [
        planned(store, model=model, optim={"epochs": 1}),
        planned(store, model=model, optim={"epochs": 2}, average={"kind": "ema", "decay": 0.9}),
        planned(store, model=model, optim={"epochs": 2}),
    ]
    together = Bench(store)
    do_job(one_job(*trials), together.context, WorkerGroup())
    assert together.storage.failures == {}
    for trial in trials:
        alone = Bench(store)
        do_job(one_job(trial), alone.context, WorkerGroup())
        for name in ("model.pt", "predictions.npz"):
            assert alone.storage.records[trial.id][name] == together.storage.records[trial.id][name]


def test_a_worker_without_the_file_says_which_it_is(store: PatchStore, file: Path) -> None:
    trial, bench = planned(store, model={"weights": str(file)}), Bench(store)
    file.unlink()
    do_job(one_job(trial), bench.context, WorkerGroup())
    (failure,) = bench.storage.failures.values()
    assert failure.error == f"model.weights: there is no file {file} on this machine"
    assert failure.hint is not None
