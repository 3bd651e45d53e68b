"""SIGTERM to a worker, as on machines that are taken away: its state is saved, and it is no fault of the trial."""

import os
import signal
import time
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.storage.heartbeat import read_status
from tests.helpers.faults import kill, seconds_of, seconds_saved, start, wait_for
from tests.helpers.patience import PATIENCE_S
from tests.helpers.processes import command, marked

STUDY = """
study: faults
base: {model: {name: test_resnet}, optim: {epochs: 80, batch_size: 8}}
seeds: 1
"""
WORKERS = {"1": "ray::raysat ", "2": "RayTrainWorker"}
pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in Linux's /proc")


@pytest.mark.parametrize("workers", WORKERS)
def test_a_worker_saves_at_once_and_another_goes_on(tmp_path: Path, landsat_store: PatchStore, workers: str) -> None:
    space, out, mark = tmp_path / "study.yaml", tmp_path / "runs", str(tmp_path)
    space.write_text(STUDY, encoding="utf-8")
    words = ["--checkpoint-every", "86400s", "--workers", workers, "--cpus-per-trial", "0.5"]
    words += ["--retries", "0"] if workers == "1" else []
    process = start(space, landsat_store, out, *words, environment={"MARK": mark})

    def is_on_its_way() -> bool:
        status = read_status(out / "faults" / "progress.json")
        return any(job.epoch >= 5 for job in (status.running if status else ()))

    try:
        wait_for(is_on_its_way, process)
        assert not seconds_saved(out), "nothing was due"
        pids = [pid for pid in marked(mark) if WORKERS[workers] in command(pid)]
        assert len(pids) == int(workers)
        began = time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        while any(WORKERS[workers] in command(pid) for pid in pids):
            assert time.monotonic() - began < 20
            time.sleep(0.05)
        (saved,) = seconds_saved(out).values()
        assert saved, "the newest copy: one is made no more often than its cost allows"
        output, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        kill(process.pid)
    assert process.returncode == 0, output
    (final,) = seconds_of(out).values()
    assert len(final) == 80
    assert final[: len(saved)] == saved, "what was saved was not trained again"
