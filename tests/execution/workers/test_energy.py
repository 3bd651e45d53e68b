"""Energy in records: each epoch's once, a trial's part of its machine, and codecarbon kept off the network."""

from __future__ import annotations

import json
import logging
import os
import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from raysat.errors import InstallationError
from raysat.execution.workers import energy
from raysat.execution.workers.energy import EnergyMeter, MachineMeter, check_energy, energy_meter
from raysat.execution.workers.stage_runner import run_train_job
from raysat.execution.workers.worker_context import SlotSettings, WorkerGroup
from raysat.planning.stages import TrainJob
from raysat.storage.records import Record
from tests.helpers.training import MakeStore
from tests.helpers.worker import Bench, checkpoint, one_job, planned

CPU = torch.device("cpu")


class FakeMachine:
    """Takes a kilowatt-hour of processor whenever it is read, half of one of memory, and two of its two GPUs."""

    by = "a made-up meter"

    def read(self) -> Any:
        return SimpleNamespace(cpu_energy=1.0, ram_energy=0.5, gpu_energy=2.0, gpu_count=2)


@pytest.fixture(name="settings")
def _settings(make_store: MakeStore) -> SlotSettings:
    return replace(Bench(make_store()).context.settings, energy=True)


@pytest.fixture(name="made_up")
def _made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "_machine_meter", FakeMachine)


def train(job: TrainJob, bench: Bench, *, measured: bool) -> dict[str, Record]:
    context = bench.context
    context = replace(context, settings=replace(context.settings, energy=measured))
    run_train_job(job, context, WorkerGroup(), device=CPU)
    return {trial: Record.model_validate_json(files["record.json"]) for trial, files in bench.storage.records.items()}


def test_each_record_has_the_energy_of_the_epochs_that_no_other_has(make_store: MakeStore, made_up: None) -> None:
    bench = Bench(make_store())
    short, long = (planned(bench.store, optim={"epochs": epochs}) for epochs in (2, 5))
    records = train(one_job(short, long), bench, measured=True)
    found = {trial: record.energy for trial, record in records.items()}
    assert found[short.id].epochs == 2
    assert found[long.id].epochs == 3
    per_read = 1.5 * min(1.0, 1 / (os.cpu_count() or 1))
    assert found[long.id].kwh == pytest.approx(per_read)
    assert found[long.id].by == "a made-up meter"


def test_epochs_of_a_checkpoint_are_anothers(make_store: MakeStore, made_up: None) -> None:
    bench = Bench(make_store())
    trial = planned(bench.store, optim={"epochs": 3})
    bench.storage.states[trial.states[2]] = checkpoint(trial, bench.store, 2)
    record = train(one_job(trial), bench, measured=True)[trial.id]
    assert record.energy is not None
    assert record.energy.epochs == 1


def test_without_being_asked_for_records_are_as_before(make_store: MakeStore, made_up: None) -> None:
    bench = Bench(make_store())
    trial = planned(bench.store, optim={"epochs": 1})
    assert train(one_job(trial), bench, measured=False)[trial.id].energy is None
    assert "energy" not in json.loads(bench.storage.records[trial.id]["record.json"])
    measured = Bench(bench.store)
    train(one_job(trial), measured, measured=True)
    assert measured.storage.records[trial.id]["model.pt"] == bench.storage.records[trial.id]["model.pt"]


def test_a_trial_has_its_part_of_cores_and_gpus(settings: SlotSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    meter = EnergyMeter(FakeMachine(), replace(settings, cpus=2.0, gpus=0.5, workers=2), epoch=0)
    taken = meter.take(4)
    assert taken is not None
    assert taken.kwh == pytest.approx((1.0 + 0.5) * 4 / 8 + 2.0 / 2 * 0.5 * 2)
    assert taken.by == "a made-up meter, GPUs by their counters"
    assert meter.take(4) is None, "no epoch since"
    whole = EnergyMeter(FakeMachine(), replace(settings, cpus=16.0, gpus=0.0, workers=1), epoch=0)
    assert whole.take(1).kwh == pytest.approx(1.5), "no more than the machine takes"


def test_only_the_worker_that_leads_measures(settings: SlotSettings, made_up: None) -> None:
    assert energy_meter(settings, epoch=0, leads=True) is not None
    assert energy_meter(settings, epoch=0, leads=False) is None
    assert energy_meter(replace(settings, energy=False), epoch=0, leads=True) is None


def test_where_codecarbon_is_missing_the_driver_says_so_and_workers_train_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "codecarbon", None)
    with pytest.raises(InstallationError, match=r"codecarbon .*raysat\[energy\]"):
        check_energy()
    assert energy._machine_meter.__wrapped__() is None


@pytest.mark.slow
def test_codecarbon_measures_without_the_network_and_without_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("codecarbon", reason="codecarbon comes with raysat[energy]")
    reached: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: reached.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: reached.append(address))
    monkeypatch.setenv("CODECARBON_EMISSIONS_ENDPOINT", "http://127.0.0.1:9/")
    monkeypatch.setenv("CODECARBON_SAVE_TO_API", "true")
    monkeypatch.chdir(tmp_path)
    meter = MachineMeter()
    try:
        first, second = meter.read(), meter.read()
    finally:
        meter._tracker.stop()
    assert first is not None
    assert second is not None
    assert first.cpu_energy + first.ram_energy > 0
    both = first.energy_consumed + second.energy_consumed
    assert 0 < both <= meter._tracker.final_emissions_data.energy_consumed, "what was taken since, not in all"
    assert first.emissions == 0, "no country is known"
    assert meter.by.startswith("codecarbon 3")
    assert reached == []
    assert list(tmp_path.iterdir()) == []
    assert "codecarbon" not in "".join(capfd.readouterr())
    logging.getLogger("codecarbon").setLevel(logging.NOTSET)
