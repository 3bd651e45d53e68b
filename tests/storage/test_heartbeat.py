"""How far a run is: written whole, signed by its process, read by whoever asks, and never trusted."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from raysat.storage.heartbeat import RunningJob, RunStatus, read_status, write_status

JOB = RunningJob(job="0123", name="one", seed=0, epoch=3, epochs=40)


def status(done: int) -> RunStatus:
    return RunStatus(done=done, failed=1, already_done=2, total=6, running=(JOB,), eta_seconds=60.0)


def test_a_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    assert read_status(file) is None
    write_status(file, status(1))
    write_status(file, status(2))
    assert read_status(file) == status(2).model_copy(update={"time": json.loads(file.read_text())["time"]})
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_a_status_is_signed_by_its_process() -> None:
    before = time.time()
    signed = status(1)
    assert (signed.host, signed.pid) == (socket.gethostname(), os.getpid())
    assert before <= signed.time <= time.time()


def test_a_run_is_unfinished_until_all_that_it_was_to_do_has_ended() -> None:
    assert [status(done).is_unfinished for done in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize("change", [{"eta_seconds": float("inf")}, {"time": float("nan")}, {"done": "many"}])
def test_a_damaged_status_is_none(tmp_path: Path, change: dict[str, object]) -> None:
    file = tmp_path / "progress.json"
    file.write_text(json.dumps(status(1).model_dump() | change))
    assert read_status(file) is None


def test_a_status_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    write_status(tmp_path / "gone" / "progress.json", status(1))
    assert not (tmp_path / "gone").exists()
