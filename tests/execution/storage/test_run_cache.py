"""A run and its cache without Ray: what is taken, what is left to train, what is offered, and what goes wrong."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import numpy as np
import pytest

from raysat.config.schema import canonical_json
from raysat.data.store import PatchStore
from raysat.errors import BusyError, DiskError
from raysat.execution.events import CacheFault, Event, FromCache
from raysat.execution.messages import State
from raysat.execution.row import Row
from raysat.execution.storage.run_cache import RunCache
from raysat.execution.versions import versions
from raysat.metrics.confusion import from_predictions
from raysat.planning.build import PendingJobs, Plan
from raysat.planning.jobs import GenerateJob, PlannedTrial
from raysat.storage.artifacts import GenerateRecord
from raysat.storage.cache import Cache
from raysat.storage.ledger import Ledger
from raysat.storage.predictions import encode_predictions
from raysat.storage.records import TrialSpec
from tests.helpers.artifacts import files_of_job
from tests.helpers.ledger import files_of, made_up_record
from tests.helpers.run import plan_of

STUDY = """
study: tiny
base: {model: {name: test_resnet}, optim: {epochs: 2, batch_size: 16}}
seeds: 2
arms:
  plain: {}
  gan: {synthetic: {kind: dcgan, classes: [b], steps: 3, width: 4, batch_size: 4}}
"""


@pytest.fixture(name="plan")
def _plan(tmp_path: Path, landsat_store: PatchStore) -> Plan:
    return plan_of(tmp_path, STUDY, landsat_store)[0]


def of(plan: Plan, arm: str) -> list[PlannedTrial]:
    return [trial for trial in plan.trials if trial.arm == arm]


def files_for(trial: PlannedTrial, store: PatchStore, **changes: object) -> dict[str, bytes]:
    """The files of a trial, as if it had been trained."""
    labels, scores = np.array([0, 1, 2, 0]), np.eye(3, dtype=np.float32)[[0, 1, 1, 0]]
    values = {
        "metrics": {"test": from_predictions(labels, scores)},
        "classes": store.classes,
        "versions": versions(),
        "data": {"fingerprint": store.fingerprint},
    }
    spec = TrialSpec(config=trial.trial.config, seed=trial.seed, data=store.fingerprint)
    return files_of(made_up_record(trial.id, **(values | changes))) | {
        "spec.json": canonical_json(spec).encode(),
        "history.csv": b"epoch,loss\n1,1.5\n",
        "predictions.npz": encode_predictions(labels, scores, np.arange(4)),
    }


def patches_for(job: GenerateJob, store: PatchStore) -> dict[str, bytes]:
    files = files_of_job(job.id)
    record = GenerateRecord.model_validate_json(files["record.json"])
    data = record.data.model_copy(update={"fingerprint": store.fingerprint})
    return files | {"record.json": record.model_copy(update={"data": data}).model_dump_json().encode()}


class Use:
    """A run under a folder that uses a cache, and what it said."""

    def __init__(self, plan: Plan, out: Path, cache: Path) -> None:
        self.pending = PendingJobs.of(plan, out)
        self.said: list[Event] = []
        self.cache = Cache.open(cache)
        self.run = RunCache(self.cache, plan, self.pending.ledger, self.pending.artifacts, self.said.append)

    def take(self) -> list[str]:
        """Take, and return what is left to do."""
        self.pending = self.run.take(self.pending, wait=False)
        return [item.id for item in self.pending.missing]


def test_what_the_cache_has_is_not_left_to_do(plan: Plan, landsat_store: PatchStore, tmp_path: Path) -> None:
    use = Use(plan, tmp_path / "runs", tmp_path / "cache")
    (job,), (plain, other_plain), (gan, other) = plan.generate_jobs, of(plan, "plain"), of(plan, "gan")
    assert use.take() == [job.id, *(trial.id for trial in plan.trials)]
    assert use.said == []
    for trial in (plain, gan):
        use.cache.records.write(trial.id, files_for(trial, landsat_store))
    left = use.take()
    assert left[0] == job.id
    assert {*left[1:]} == {other_plain.id, other.id}
    assert [(event.trials, event.total, event.generators) for event in use.said] == [(2, 4, 0)]
    use.cache.artifacts.write(job.id, patches_for(job, landsat_store))
    assert {*use.take()} == {other_plain.id, other.id}
    use.cache.records.write(other.id, files_for(other, landsat_store))
    assert use.take() == [other_plain.id]
    assert use.pending.ledger.read_plan() == plan.to_file()


def test_a_generator_whose_trials_are_all_taken_is_not_left_to_do(
    plan: Plan, landsat_store: PatchStore, tmp_path: Path
) -> None:
    use = Use(plan, tmp_path / "runs", tmp_path / "cache")
    for trial in of(plan, "gan"):
        use.cache.records.write(trial.id, files_for(trial, landsat_store))
    assert use.take() == [trial.id for trial in of(plan, "plain")]


def test_work_by_other_versions_is_taken_and_said(plan: Plan, landsat_store: PatchStore, tmp_path: Path) -> None:
    use = Use(plan, tmp_path / "runs", tmp_path / "cache")
    other = versions() | {"torch": "1.0.0"}
    for trial in plan.trials[:2]:
        use.cache.records.write(trial.id, files_for(trial, landsat_store, versions=other))
    use.take()
    (event,) = use.said
    assert isinstance(event, FromCache)
    assert event.others == ("torch 1.0.0",)
    assert use.pending.ledger.read(plan.trials[0].id).versions["torch"] == "1.0.0"


def test_a_trial_of_another_store_is_not_taken(plan: Plan, landsat_store: PatchStore, tmp_path: Path) -> None:
    use = Use(plan, tmp_path / "runs", tmp_path / "cache")
    trial = plan.trials[0]
    lying = dataclasses.replace(landsat_store, fingerprint="0" * 32)
    use.cache.records.write(trial.id, files_for(trial, lying))
    assert trial.id in use.take()
    assert use.said == []


def test_nothing_is_taken_into_a_run_that_is_being_filled(
    plan: Plan, landsat_store: PatchStore, tmp_path: Path
) -> None:
    use = Use(plan, tmp_path / "runs", tmp_path / "cache")
    use.cache.records.write(plan.trials[0].id, files_for(plan.trials[0], landsat_store))
    with use.pending.ledger.lock(), pytest.raises(BusyError):
        use.take()
    assert not use.pending.ledger.has_record(plan.trials[0].id)


def test_a_cache_that_fails_midway_costs_training(
    plan: Plan, landsat_store: PatchStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = Use(plan, tmp_path / "runs", tmp_path / "cache")
    for trial in plan.trials[:2]:
        use.cache.records.write(trial.id, files_for(trial, landsat_store))
    read = Ledger.read

    def fails(self: Ledger, trial: str) -> object:
        if trial == plan.trials[1].id:
            raise DiskError("the network is down")
        return read(self, trial)

    monkeypatch.setattr(Ledger, "read", fails)
    assert plan.trials[1].id in use.take()
    fault = use.said[0]
    assert isinstance(fault, CacheFault)
    assert fault.taking
    assert "the network is down" in fault.error


def test_what_is_finished_is_offered_before_and_meanwhile(
    plan: Plan, landsat_store: PatchStore, tmp_path: Path
) -> None:
    use = Use(plan, tmp_path / "runs", tmp_path / "cache")
    (job,), (before, meanwhile, never, _) = plan.generate_jobs, plan.trials
    use.pending.ledger.write(before.id, files_for(before, landsat_store))
    use.pending = PendingJobs.of(plan, tmp_path / "runs")
    with use.run.offering(use.pending) as changed:
        use.pending.ledger.write(meanwhile.id, files_for(meanwhile, landsat_store))
        use.pending.artifacts.write(job.id, patches_for(job, landsat_store))
        for row in (Row(meanwhile, State.DONE), Row(job, State.DONE), Row(never, State.TRAINING), None):
            changed(row)
    assert use.cache.trials() == {before.id, meanwhile.id}
    assert all(use.cache.records.is_finished(trial.id) for trial in (before, meanwhile))
    assert use.cache.artifacts.is_finished(job.id)
    assert use.said == []


def test_what_cannot_be_offered_is_said_once_and_the_rest_is(
    plan: Plan, landsat_store: PatchStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = Use(plan, tmp_path / "runs", tmp_path / "cache")
    offer, tried = Cache.offer_trial, threading.Event()

    def fails_first(self: Cache, trial: str, run: Ledger) -> None:
        if trial == plan.trials[0].id:
            raise DiskError("no space left")
        offer(self, trial, run)
        tried.set()

    monkeypatch.setattr(Cache, "offer_trial", fails_first)
    with use.run.offering(use.pending) as changed:
        for trial in plan.trials[:2]:
            use.pending.ledger.write(trial.id, files_for(trial, landsat_store))
            changed(Row(trial, State.DONE))
        assert tried.wait(10)
    assert use.cache.trials() == {plan.trials[1].id}
    (fault,) = use.said
    assert isinstance(fault, CacheFault)
    assert (fault.error, fault.taking) == ("no space left", False)


def test_an_interrupt_does_not_wait_for_offers(
    plan: Plan, landsat_store: PatchStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use = Use(plan, tmp_path / "runs", tmp_path / "cache")
    go_on = threading.Event()
    monkeypatch.setattr(Cache, "offer_trial", lambda *_: go_on.wait(60))

    def interrupted() -> None:
        with use.run.offering(use.pending) as changed:
            changed(Row(plan.trials[0], State.DONE))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not go_on.is_set()  # this came back before the offer did
    go_on.set()
