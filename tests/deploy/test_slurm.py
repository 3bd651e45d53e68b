"""``deploy/slurm/raysat.sbatch`` on a real Slurm: requeued and out of time in the middle, and over two nodes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from raysat.data.patch_store import PatchStore
from raysat.storage.event_log import read_events
from raysat.storage.heartbeat import read_status
from tests.helpers.outcome import outcome
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S
from tests.helpers.slurm import Slurm, missing_tools, slurm

SCRIPT = ROOT / "deploy" / "slurm" / "raysat.sbatch"
STUDY = """\
study: queued
base: {model: {name: test_resnet}, optim: {epochs: 16, batch_size: 8}}
seeds: 1
arms: {plain: {}, LDAM: {loss: {kind: ldam}}, focal: {loss: {kind: focal}}}
"""
pytestmark = [
    pytest.mark.skipif(bool(missing_tools()), reason="no Slurm (Debian: slurmctld, slurmd, slurm-client, munge)"),
]


@pytest.fixture(name="queue", scope="module")
def _queue() -> Iterator[Slurm]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="slurm.") as folder, slurm(Path(folder), cpus=(1, 1)) as queue:
        yield queue


def words(queue: Slurm, store: PatchStore, out: str) -> list[object]:
    study = queue.folder / "study.yaml"
    study.write_text(STUDY, encoding="utf-8")
    run = ["ablate", "--space", study, "--data", store.path, "--out", queue.folder / out]
    return [SCRIPT, *run, "--cpus-per-trial", 1, "--checkpoint-every", "1epoch"]


def wait_until(is_so: Callable[[], bool], queue: Slurm, job: int, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, queue.log(job)
        time.sleep(0.1)


def epochs(run: Path) -> int:
    """Epochs of the trial that trains now; 0 where none does."""
    status = read_status(run / "progress.json")
    return max((job.epoch for job in status.running), default=0) if status else 0


def test_a_job_that_is_requeued_and_out_of_time_comes_to_what_two_nodes_do(
    queue: Slurm, landsat_store: PatchStore
) -> None:
    """Requeued by Slurm, which ends all processes; then told by the signal that comes before the time limit."""
    run = queue.folder / "runs" / "queued"
    job = queue.submit("--cpus-per-task=1", *words(queue, landsat_store, "runs"))
    wait_until(lambda: epochs(run) >= 2, queue, job)
    queue.run("scontrol", "requeue", job)
    queue.start_again(job)
    wait_until(lambda: len(list((run / "events").iterdir())) == 2 and epochs(run) >= 2, queue, job)
    queue.run("scancel", "--batch", "--signal=TERM", job)  # as --signal=B:TERM@120 does
    queue.start_again(job)
    assert queue.wait(job, "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT") == "COMPLETED", queue.log(job)
    log = queue.log(job)
    assert log.lower().count("the same command resumes from here") == 2, log  # Ray may end before raysat hears of it
    assert "stopped; the same command resumes from here\nraysat: saved; the job goes on from there" in log, log
    assert "\x1b" not in log
    assert "Traceback" not in log

    begun = [event for event in read_events(run) if event.event == "run started"]
    assert len(begun) == 3

    two = queue.submit("--nodes=2", "--cpus-per-task=1", *words(queue, landsat_store, "two"))
    assert queue.wait(two, "COMPLETED", "FAILED") == "COMPLETED", queue.log(two)
    log = queue.log(two)
    assert "running    2 jobs at a time, 1 CPU each" in log, "two nodes are one Ray"
    assert "done       3 jobs, 0 failed" in log
    assert outcome(run) == outcome(queue.folder / "two" / "queued")
    assert not [each for number in (job, two) for each in Path.home().glob(f".raysat-{number}.*")], "tokens"


def test_a_job_that_somebody_cancels_stays_cancelled(queue: Slurm, landsat_store: PatchStore) -> None:
    job = queue.submit("--cpus-per-task=1", *words(queue, landsat_store, "cancelled"))
    wait_until(lambda: epochs(queue.folder / "cancelled" / "queued") >= 1, queue, job)
    queue.run("scancel", job)
    assert queue.wait(job, "CANCELLED", "PENDING", "COMPLETED") == "CANCELLED", queue.log(job)
    # Slurm says so at once, and the processes of a busy machine take their time to end.
    wait_until(lambda: "the same command resumes from here" in queue.log(job).lower(), queue, job)
    assert queue.job(job)["Restarts"] == "0"


def test_without_a_command_a_job_fails_with_a_line(queue: Slurm) -> None:
    job = queue.submit("--cpus-per-task=1", SCRIPT)
    assert queue.wait(job, "COMPLETED", "FAILED") == "FAILED"
    assert queue.log(job).startswith("error: no raysat command: sbatch ")
    assert queue.job(job)["ExitCode"] == "2:0"
