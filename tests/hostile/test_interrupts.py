"""Stops from outside: one line, the shell's exit code, and no process, file or folder left, whatever the moment."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raysat.data.store import PatchStore
from tests.helpers.faults import start, wait_for, write_study
from tests.helpers.processes import command, marked

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 130}
RESUMES = "stopped; the same command resumes from here"
ANEW = "stopped; the same command starts anew"
needs_proc = pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in Linux's /proc")


def raysat(*words: object, **options: Any) -> "subprocess.Popen[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    return subprocess.Popen([sys.executable, "-m", "raysat", *map(str, words)], **pipes | options)


def synth(folder: Path) -> "subprocess.Popen[str]":
    """Begin to write a store that takes minutes."""
    images = ".store-*.partial/images.npy"
    before = set(folder.glob(images))
    process = raysat("data", "synth", "--size", 10**6, "--out", folder / "store")
    wait_for(lambda: bool(set(folder.glob(images)) - before), process)
    return process


@pytest.mark.parametrize("number", CODES)
def test_a_store_that_is_being_written(tmp_path: Path, number: signal.Signals) -> None:
    process = synth(tmp_path)
    os.killpg(process.pid, number)
    stdout, stderr = process.communicate(timeout=10)
    assert process.returncode == CODES[number]
    assert (stdout, stderr.strip()) == ("", ANEW)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_of_a_store_leaves_what_the_next_removes(tmp_path: Path) -> None:
    alive, killed = synth(tmp_path), synth(tmp_path)
    try:
        killed.kill()
        killed.communicate(timeout=10)
        assert len(list(tmp_path.iterdir())) == 2
        done = raysat("data", "synth", "--size", 40, "--out", tmp_path / "store")
        done.communicate(timeout=60)
        assert done.returncode == 0
        assert len(list(tmp_path.iterdir())) == 2, "what the first still writes stays"
    finally:
        os.kill(alive.pid, signal.SIGTERM)
        alive.communicate(timeout=10)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


# A command whose main thread does not end, and one whose interrupt is lost in a callback.
STUCK = """
import sys, time
import raysat.cli.main
from raysat.cli import signals, start
from raysat.interrupts import removed_at_end

class Lost:
    def __del__(self):
        print("READY", flush=True)
        time.sleep(60)

def run():
    with removed_at_end(lambda: open(sys.argv[2], "w").close()):
        if sys.argv[1] == "lost":
            del Lost.instance
        try:
            print("READY", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            time.sleep(60)

Lost.instance = Lost()
signals._PATIENCE_S = 2.0
raysat.cli.main.run = run
start.main()
"""


def stuck(how: str, removed: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", STUCK, how, str(removed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "READY\n"
    return process


@pytest.mark.parametrize(
    ("how", "again", "least", "most"),
    [("stuck", None, 1.9, 4.0), ("stuck", 0.7, 0.7, 1.5), ("stuck", 0.0, 1.9, 4.0), ("lost", None, 0.0, 1.5)],
    ids=["patience ends", "a second signal", "two signals at once are one", "an interrupt that Python drops"],
)
def test_a_command_that_does_not_end_is_ended(
    tmp_path: Path, how: str, again: float | None, least: float, most: float
) -> None:
    process = stuck(how, tmp_path / "removed")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    if again is not None:
        time.sleep(again)
        process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=10)
    assert least <= time.monotonic() - began < most
    assert process.returncode == 143
    assert (stdout, stderr) == ("", f"{ANEW}\n")
    assert (tmp_path / "removed").exists(), "what must not stay is removed all the same"


def test_what_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    ignore = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    words = ["data", "synth", "--size", "1000000", "--out", str(tmp_path / "store")]
    process = subprocess.Popen(
        [sys.executable, "-c", ignore, sys.executable, "-m", "raysat", *words], stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: any(tmp_path.glob(".store-*.partial")), process)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 143


@pytest.fixture(scope="module", name="space")
def _space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("interrupts"))


def is_there(what: str, mark: str) -> Callable[[], bool]:
    return lambda: any(what in command(pid) for pid in marked(mark))


@needs_proc
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "target", "moment"),
    [
        (signal.SIGINT, "driver", "import ray"),
        (signal.SIGTERM, "group", "gcs_server"),
        (signal.SIGHUP, "driver", "raylet/raylet"),
        (signal.SIGTERM, "group", "training"),
        (signal.SIGHUP, "group", "training"),
        (signal.SIGTERM, "driver", "ending"),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else value,
)
def test_ablate(
    tmp_path: Path, space: Path, landsat_store: PatchStore, number: signal.Signals, target: str, moment: str
) -> None:
    mark, run = str(tmp_path), tmp_path / "runs" / "faults"
    process = start(space, landsat_store, tmp_path / "runs", environment={"MARK": mark})
    moments = {
        "import ray": lambda: True,
        "training": lambda: any(run.glob("checkpoints/*")),
        "ending": lambda: len(list(run.glob("trials/*/record.json"))) == 7,
    }
    try:
        wait_for(moments.get(moment) or is_there(moment, mark), process)
        time.sleep(0.4)
        began = time.monotonic()
        os.kill(process.pid if target == "driver" else -process.pid, number)
        output, _ = process.communicate(timeout=30)
        seconds = time.monotonic() - began
    finally:
        process.kill()
    assert seconds < 10
    assert process.returncode == CODES[number], output
    assert output.count("stopped;") == 1
    assert output.rstrip().endswith(RESUMES)
    assert "Traceback" not in output
    assert " E " not in output, "no line of Ray's log"
    assert not marked(mark)
    assert not list(tmp_path.rglob("*.partial"))


@needs_proc
@pytest.mark.ray
@pytest.mark.slow
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
    assert time.monotonic() - began < 10
    assert process.returncode == 3
    error, hint = output.splitlines()[-2:]
    assert error == f"error: Ray on this machine ended: its {Path(daemon).name} is gone"
    assert hint.startswith("hint: ")
    assert "Traceback" not in output
    assert not marked(mark)
