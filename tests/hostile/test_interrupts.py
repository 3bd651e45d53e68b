"""Stops from outside: one line, the shell's exit code, and no process, file or folder left, whatever the moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.faults import wait_for

pytestmark = pytest.mark.slow

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
signals._HURRY_S = 6.0
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
    [("stuck", None, 5.9, 20.0), ("stuck", 0.7, 0.7, 5.5), ("stuck", 0.0, 5.9, 20.0), ("lost", None, 0.0, 5.5)],
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
    stdout, stderr = process.communicate(timeout=30)
    assert least <= time.monotonic() - began < most
    # Of signals that wait together, the kernel delivers SIGINT first.
    assert process.returncode in ({130, 143} if again == 0.0 else {143})
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
