"""SIGTERM to a worker's process: what can be saved in two seconds is saved, whatever the main thread does."""

import inspect
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ray._private.function_manager import FunctionActorManager
from ray._private.worker import Worker

from raysat.execution.workers.termination import _may_end

WORKER = """
import sys, threading, time
from pathlib import Path
from raysat.execution.workers import termination
from raysat.execution.workers.termination import finishes_at_sigterm, save_at_sigterm, saves_at_sigterm

termination._RAY_S = 1.0
folder, held = Path(sys.argv[1]), threading.Lock()

def save(seconds):
    assert 0 < seconds <= 2
    with held:
        time.sleep(0.2)
        (folder / "saved").touch()

def train():
    with saves_at_sigterm(save), finishes_at_sigterm():
        print("ready", flush=True)
        time.sleep(float(sys.argv[2]))
        (folder / "recorded").touch()
    time.sleep(60)

save_at_sigterm()
threading.Thread(target=train, daemon=True).start()
while True:
    with held:  # the handler interrupts the main thread wherever it is
        time.sleep(0.05)
    time.sleep(0.01)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("seconds", "left"), [(1.0, ["recorded", "saved"]), (30.0, ["saved"])])
def test_it_saves_and_ends_in_seconds(tmp_path: Path, seconds: float, left: list[str]) -> None:
    words = [sys.executable, "-c", WORKER, str(tmp_path), str(seconds)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert time.monotonic() - began < 6, "two seconds, and those for Ray, which is not here"
    assert process.returncode == 128 + signal.SIGTERM
    assert said == "SIGTERM: saved what there was to save\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == left


WITH_RAY = """
import signal, sys, time
from raysat.execution.workers.termination import save_at_sigterm, saves_at_sigterm

def of_ray(*_):
    sys.exit("The process receives a SIGTERM.")

signal.signal(signal.SIGTERM, of_ray)
save_at_sigterm()
with saves_at_sigterm(lambda seconds: print("saved", flush=True)):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_handled_it_before_ends_the_process_after_that() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_RAY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        saved, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (saved, said, process.returncode) == ("saved\n", "The process receives a SIGTERM.\n", 1)


def test_it_ends_in_a_method_or_between_two_and_not_while_ray_has_a_result_in_hand() -> None:
    """By the names of Ray's functions, which is pinned."""

    def ask(of: Callable[[], bool] | None = None) -> bool:
        return of() if of else _may_end(sys._getframe())

    def actor_method_executor() -> bool:
        return ask(ask)

    def serialize() -> bool:
        return ask()

    def main_loop(below: Callable[[], bool] | None) -> bool:
        return below() if below else _may_end(sys._getframe())

    assert main_loop(None), "it waits"
    assert main_loop(actor_method_executor)
    assert not main_loop(serialize)
    assert ask(), "no loop of Ray's"
    assert callable(Worker.main_loop)
    assert "def actor_method_executor(" in inspect.getsource(FunctionActorManager)
