"""Stops of a run from outside: one line, the shell's exit code, and no process or folder left, whatever the moment."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from tests.helpers.faults import seconds_of, seconds_saved, start, wait_for
from tests.helpers.processes import command, marked

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 130}
pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in Linux's /proc")


def is_there(what: str, mark: str) -> Callable[[], bool]:
    return lambda: any(what in command(pid) for pid in marked(mark))


@pytest.mark.parametrize(
    ("number", "target", "when"),
    [
        (signal.SIGINT, "driver", "import ray"),
        (signal.SIGTERM, "group", "gcs_server"),
        (signal.SIGHUP, "driver", "raylet/raylet"),
        (signal.SIGTERM, "group", "training"),
        (signal.SIGTERM, "driver", "ending"),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else value,
)
def test_a_signal_ends_a_run(
    tmp_path: Path, space: Path, landsat_store: PatchStore, number: signal.Signals, target: str, when: str
) -> None:
    mark, run = str(tmp_path), tmp_path / "runs" / "faults"
    process = start(space, landsat_store, tmp_path / "runs", environment={"MARK": mark})
    moments = {
        "import ray": lambda: True,
        "training": lambda: any(run.glob("checkpoints/*")),
        "ending": lambda: len(list(run.glob("trials/*/record.json"))) == 7,
    }
    try:
        wait_for(moments.get(when) or is_there(when, mark), process)
        time.sleep(0.4)
        began = time.monotonic()
        os.kill(process.pid if target == "driver" else -process.pid, number)
        output, _ = process.communicate(timeout=30)
        seconds = time.monotonic() - began
    finally:
        process.kill()
    assert seconds < 20  # ten on a free machine: benchmarks/reactions.py measures it
    assert process.returncode == CODES[number], output
    assert output.count("stopped;") == 1
    assert output.rstrip().endswith("stopped; the same command resumes from here")
    assert "Traceback" not in output
    assert " E " not in output, "no line of Ray's log"
    assert not marked(mark)
    assert not list(tmp_path.rglob("*.partial"))
    if when == "training":
        assert seconds_of(tmp_path / "runs").keys() | seconds_saved(tmp_path / "runs").keys(), "something to go on from"


@pytest.mark.parametrize("daemon", ["raylet/raylet", "gcs/gcs_server"])
def test_a_daemon_of_ray_that_is_killed(tmp_path: Path, space: Path, landsat_store: PatchStore, daemon: str) -> None:
    mark, run = str(tmp_path), tmp_path / "runs" / "faults"
    process = start(space, landsat_store, tmp_path / "runs", environment={"MARK": mark})
    try:
        wait_for(lambda: any(run.glob("checkpoints/*")), process)
        began = time.monotonic()
        (pid,) = [pid for pid in marked(mark) if daemon in command(pid).split(" ")[0]]
        os.kill(pid, signal.SIGKILL)
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert time.monotonic() - began < 20
    assert process.returncode == 3
    error, hint = output.splitlines()[-2:]
    assert error == f"error: Ray on this machine ended: its {Path(daemon).name} is gone"
    assert hint.startswith("hint: ")
    assert "Traceback" not in output
    assert not marked(mark)
