"""A plan on real Ray: what is trained, recorded and reported, and what a failure leaves."""

import io
import os
import re
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from rich.console import Console

from raysat.data.store import PatchStore, StoreWriter
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.messages import JobDone, Message, Score, TrialDone, WorkerPlace
from raysat.execution.run import _threads_before, run
from raysat.execution.run_state import RunState, Summary
from raysat.formatting import one_line
from raysat.planning.build import Plan
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.trial_events import events_of
from raysat.views.run import RunView
from tests.helpers.processes import command, descendants
from tests.helpers.run import plan_of, trained_alone

STUDY = """
study: tiny
base: {model: {name: test_resnet}, optim: {epochs: 2, batch_size: 16}}
seeds: 2
arms:
  plain: {}
  everything:
    loss: {kind: ldam}
    reweight: {kind: drw}
    sampler: {kind: inverse_frequency}
    schedule: {kind: triangular}
    average: {kind: swa}
    augment: {kind: augmix}
  diverges: {optim: {kind: sgd, lr: 1000, weight_decay: 1000}}
"""


TOLD: list[Message] = []  # all that the run of the fixture below was told of its trials


@pytest.fixture(scope="module", name="finished")
def _finished(
    tmp_path_factory: pytest.TempPathFactory, landsat_store: PatchStore, ray_session: None
) -> tuple[Plan, Ledger, Summary, str]:
    plan, ledger = plan_of(tmp_path_factory.mktemp("tiny"), STUDY, landsat_store)
    console = Console(file=io.StringIO(), width=200)
    receive = RunState.receive

    def heard(self: RunState, message: Message, worker: WorkerPlace | None = None) -> None:
        TOLD.append(message)
        receive(self, message, worker)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunState, "receive", heard)
        summary = run(
            plan, plan.trials, ledger, Artifacts(ledger.root.parent / "generated"), ClusterOptions(), RunView(console)
        )
    return plan, ledger, summary, console.file.getvalue()  # type: ignore[attr-defined]


def test_every_job_ends_finished_or_failed(finished: tuple[Plan, Ledger, Summary, str]) -> None:
    plan, ledger, summary, _ = finished
    assert summary == Summary(finished=4, failed=2, interrupted=False)
    for job in plan.trials:
        assert ledger.is_finished(job.id) == (job.arm != "diverges")


def test_a_run_knows_the_threads_that_its_trials_had(
    finished: tuple[Plan, Ledger, Summary, str], tmp_path: Path
) -> None:
    plan, ledger, _, _ = finished
    trained = next(job.id for job in plan.trials if job.arm == "plain")
    assert _threads_before(plan, ledger) == ledger.read(trained).hardware.threads
    assert _threads_before(plan, Ledger(tmp_path)) is None


def test_a_failed_trial_says_why_and_costs_the_others_nothing(finished: tuple[Plan, Ledger, Summary, str]) -> None:
    plan, ledger, _, out = finished
    failures = [ledger.read_failure(job.id) for job in plan.trials if job.arm == "diverges"]
    assert len(failures) == 2
    for failure in failures:
        assert failure is not None
        assert "epoch 1" in failure.error
        assert failure.hint
        assert failure.traceback is None
    assert out.count("  failed  ") == 2
    assert out.splitlines()[-1] == "done       4 jobs, 2 failed"


def test_records_hold_what_was_trained(finished: tuple[Plan, Ledger, Summary, str]) -> None:
    plan, ledger, _, _ = finished
    for job in plan.trials:
        if job.arm == "diverges":
            continue
        record = ledger.read(job.id)
        assert (record.id, record.reported, record.classes) == (job.id, "test", plan.store.classes)
        assert record.images == job.samples_seen
        assert record.data.fingerprint == plan.store.fingerprint
        assert set(record.metrics) == {"val", "test"}
        assert {"raysat", "torch", "timm", "ray", "numpy", "python"} == set(record.versions)
        history = pd.read_csv(ledger.root / "trials" / job.id / "history.csv")
        assert list(history["epoch"]) == [1, 2]
        state = torch.load(ledger.root / "trials" / job.id / "model.pt", weights_only=True)
        assert sum(value.numel() for value in state.values()) >= record.parameters


def test_metrics_can_be_computed_again_from_predictions(finished: tuple[Plan, Ledger, Summary, str]) -> None:
    plan, ledger, _, _ = finished
    job = plan.trials[0]
    predictions = ledger.read_predictions(job.id)
    assert np.array_equal(predictions.indices, plan.store.indices("test"))
    assert np.array_equal(predictions.labels, plan.store.labels[predictions.indices])
    assert predictions.metrics() == ledger.read(job.id).metrics["test"]


@pytest.mark.parametrize("arm", ["plain", "everything"])
def test_ray_changes_no_number(finished: tuple[Plan, Ledger, Summary, str], arm: str) -> None:
    """The same trial trained without Ray gives the same metrics and weights, bit for bit."""
    plan, ledger, _, _ = finished
    job = next(job for job in plan.trials if job.arm == arm)
    threads = torch.get_num_threads()
    torch.set_num_threads(ledger.read(job.id).hardware.threads)
    try:
        alone = trained_alone(plan, arm)
    finally:
        torch.set_num_threads(threads)
    assert alone.metrics == ledger.read(job.id).metrics
    state = torch.load(ledger.root / "trials" / job.id / "model.pt", weights_only=True)
    assert all(torch.equal(value, state[name]) for name, value in alone.state_dict.items())


def test_plain_output_is_one_line_a_trial(finished: tuple[Plan, Ledger, Summary, str]) -> None:
    lines = [line for line in finished[3].splitlines() if "seed" in line and "training" not in line]
    assert [line.split()[0] for line in lines] == [f"{n}/6" for n in range(1, 7)]
    assert re.search(r"  done  epoch 2/2  val balanced accuracy [01]\.\d{3}, ICV 0\.\d{3}  ETA", lines[0])
    assert "\x1b" not in finished[3]


def test_a_finished_trial_is_shown_with_its_final_model_on_val_and_never_on_test(
    finished: tuple[Plan, Ledger, Summary, str],
) -> None:
    plan, ledger, _, out = finished
    jobs = [job for job in plan.trials if job.arm != "diverges"]
    both = [[ledger.read(job.id).metrics[split] for split in ("val", "test")] for job in jobs]
    assert any(val.balanced_accuracy != test.balanced_accuracy for val, test in both)  # else nothing would be tested
    for job, (val, _) in zip(jobs, both, strict=True):
        line = f"{job.arm}  seed {job.trial.seed}  done  epoch 2/2  val balanced accuracy {val.balanced_accuracy:.3f}"
        assert f"{line}, ICV {val.icv:.3f}  ETA" in out
        scores = [
            message.score
            for message in TOLD
            if (isinstance(message, JobDone) and message.job == job.id)
            or (isinstance(message, TrialDone) and message.trial == job.id)
        ]
        assert scores == [Score(balanced_accuracy=val.balanced_accuracy, icv=val.icv)]


def test_without_a_val_split_what_is_shown_is_test_and_says_so(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None
) -> None:
    with StoreWriter(
        tmp_path / "store", bands=landsat_store.bands, classes=("a", "b", "c"), sensor=None, source={}
    ) as to:
        for split in ("train", "test"):
            for row in landsat_store.indices(split):
                to.add(landsat_store.images[row], int(landsat_store.labels[row]), split)
        store = to.close()
    plan, ledger = plan_of(tmp_path, "base: {model: {name: test_resnet}, optim: {epochs: 1, batch_size: 16}}\n", store)
    console = Console(file=io.StringIO(), width=200)
    run(plan, plan.trials, ledger, Artifacts(tmp_path / "generated"), ClusterOptions(), RunView(console))
    found = ledger.read(plan.trials[0].id).metrics["test"].balanced_accuracy
    assert f"test balanced accuracy {found:.3f}" in console.file.getvalue()  # type: ignore[attr-defined]


def slots() -> list[int]:
    """Process ids of the slots below this process."""
    return [pid for pid in descendants(os.getpid()) if "ray::raysat " in command(pid)]


LONG = """
base: {model: {name: test_resnet}, optim: {epochs: 4000, batch_size: 16}}
arms: {long: {}, short: {optim.epochs: 2, loss: {kind: focal}}}
"""


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the worker in Linux's /proc")
def test_a_worker_that_dies_twice_fails_its_trial_alone(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """Once is a preemption, and tried again; twice is a failure, with its cause; the rest goes on quietly."""
    plan, ledger = plan_of(tmp_path, LONG, landsat_store)
    long, short = plan.trial_ids["long"][0], plan.trial_ids["short"][0]
    seen: dict[int, float] = {}
    killed: list[int] = []

    def kill() -> None:
        """Kill each worker that has trained for a while, until the long trial has failed."""
        while ledger.read_failure(long) is None:
            for worker in set(slots()) - set(killed):
                if time.monotonic() - seen.setdefault(worker, time.monotonic()) > 5:
                    os.kill(worker, signal.SIGKILL)
                    killed.append(worker)
            time.sleep(0.2)

    threading.Thread(target=kill, daemon=True).start()
    summary = run(plan, plan.trials, ledger, Artifacts(ledger.root.parent / "generated"), ClusterOptions())
    assert summary == Summary(finished=1, failed=1, interrupted=False)
    assert len(killed) == 2
    failure = ledger.read_failure(long)
    assert failure is not None
    assert "died" in failure.error
    assert failure.error != "the worker died"
    assert ledger.is_finished(short)
    assert "Traceback" not in "".join(capfd.readouterr())
    happened = events_of(ledger, "long")
    assert [event.event for event in happened] == ["starting", "training", "waiting", "starting", "training", "failed"]
    assert {event.pid for event in happened if event.event == "training"} == set(killed)
    assert happened[2].reason is not None
    assert "died" in happened[2].reason
    assert happened[-1].reason == one_line(failure.error)
