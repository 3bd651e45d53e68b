"""Runs that go on where an earlier one was stopped: from its checkpoints, or when it lets go of the folder."""

import csv
import io
import os
import shutil
import threading
import time
from pathlib import Path

import torch
from rich.console import Console

from raysat.config.families.learning import NoAverage
from raysat.data.store import PatchStore
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.run import run
from raysat.execution.run_state import Summary
from raysat.planning.build import make_plan
from raysat.planning.jobs import PlannedTrial
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from raysat.training.loop import Training
from raysat.views.run import RunView
from tests.helpers.run import plan_of, trained_alone

RESUMED = """
base: {model: {name: test_resnet}, optim: {epochs: 4, batch_size: 16}}
arms:
  goes on: {loss: {kind: ldam}}
  damaged: {loss: {kind: focal}}
  not ours: {loss: {kind: balanced_softmax}}
  without its average: {loss: {kind: logit_adjustment}, average: {kind: ema}}
"""


def begin(job: PlannedTrial, ledger: Ledger, store: PatchStore, epochs: int, **changed: object) -> list[float]:
    """Leave the checkpoint of a run that was stopped after some epochs of a trial; how long each of them took."""
    config = job.trial.config.model_copy(update=changed)
    training = Training(job.trial.model_copy(update={"config": config}), store)
    for _ in range(epochs):
        training.advance()
    ledger.checkpoints.write(job.states[epochs], training.state().encode())
    return [row.seconds for row in training.history]


def seconds(ledger: Ledger, job: PlannedTrial) -> list[float]:
    """How long each epoch of a finished trial took, which tells whether it is the one that was saved."""
    with (ledger.root / "trials" / job.id / "history.csv").open(encoding="utf-8") as rows:
        return [float(row["seconds"]) for row in csv.DictReader(rows)]


def test_two_data_parallel_workers_go_on_with_one_trial(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    text = "base: {model: {name: test_resnet}, optim: {epochs: 3, batch_size: 16}}\n"
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    plan, ledger = make_plan(load_study(file), landsat_store, workers=2), Ledger(tmp_path / "run")
    (job,) = plan.trials
    begun = begin(job, ledger, landsat_store, 1)
    options = ClusterOptions(workers=2, cpus_per_trial=1.0, gpus_per_trial=0.0)
    summary = run(plan, plan.trials, ledger, Artifacts(tmp_path / "generated"), options)
    assert summary.finished == 1
    record = ledger.read(job.id)
    assert record.hardware.workers == 2
    assert record.images == job.samples_seen
    assert seconds(ledger, job)[:1] == begun
    assert len(seconds(ledger, job)) == 3


def test_each_checkpoint_is_used_as_far_as_it_serves(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    """What is damaged, of another make or without a needed average costs epochs, and changes no number."""
    plan, ledger = plan_of(tmp_path, RESUMED, landsat_store)
    goes_on, damaged, not_ours, without = plan.trials
    whole = begin(goes_on, ledger, landsat_store, 2)
    begin(goes_on, ledger, landsat_store, 1)  # the deepest is taken
    earlier = begin(damaged, ledger, landsat_store, 1)
    begin(damaged, ledger, landsat_store, 3)
    broken = ledger.checkpoints.root / damaged.states[3]
    broken.write_bytes(broken.read_bytes()[:-1])
    ledger.checkpoints.write(not_ours.states[2], b"a pickle of another age")
    begin(without, ledger, landsat_store, 3, average=NoAverage())
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = {job.id: trained_alone(plan, job.arm) for job in plan.trials}
    finally:
        torch.set_num_threads(threads)
    artifacts = Artifacts(tmp_path / "generated")
    summary = run(plan, plan.trials, ledger, artifacts, ClusterOptions(cpus_per_trial=1))
    assert summary == Summary(finished=4, failed=0, interrupted=False)
    assert seconds(ledger, goes_on)[:2] == whole
    assert seconds(ledger, damaged)[:1] == earlier
    for job in plan.trials:
        assert ledger.read(job.id).metrics == alone[job.id].metrics
        state = torch.load(ledger.root / "trials" / job.id / "model.pt", weights_only=True)
        assert all(torch.equal(value, state[name]) for name, value in alone[job.id].state_dict.items()), job.arm
    assert not ledger.checkpoints.root.exists()


def test_what_another_run_finished_meanwhile_is_not_trained_again(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    """With ``wait``, the second run begins when the first one ends, and finds its records."""
    plan, ledger = plan_of(tmp_path, RESUMED, landsat_store)
    first, artifacts = Ledger(tmp_path / "first"), Artifacts(tmp_path / "generated")
    assert run(plan, plan.trials, first, artifacts, ClusterOptions()).finished == 4
    out = io.StringIO()

    def fill() -> None:
        with ledger.lock():
            held.set()
            while "waiting" not in out.getvalue():
                time.sleep(0.05)
            shutil.copytree(first.root / "trials", ledger.root / "trials")

    held = threading.Event()
    holder = threading.Thread(target=fill, daemon=True)
    holder.start()
    held.wait(timeout=30)
    options, console = ClusterOptions(wait=True), Console(file=out, width=200)
    summary = run(plan, plan.trials, ledger, artifacts, options, RunView(console))
    holder.join(timeout=30)
    assert f"waiting    {ledger.root} is in use by another raysat (pid {os.getpid()}" in out.getvalue()
    assert summary == Summary(finished=0, failed=0, interrupted=False)
    for job in plan.trials:
        assert ledger.read(job.id) == first.read(job.id)
