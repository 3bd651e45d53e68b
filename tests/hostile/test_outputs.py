"""Output that cannot be written: one line and exit code 3; a reader that leaves is no error."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.hostile import assert_refused, hostile_run
from tests.helpers.paths import SPACES

pytestmark = pytest.mark.slow

FULL = Path("/dev/full")
PLAN = ("plan", "--space", str(SPACES / "quickstart.yaml"))
needs_full = pytest.mark.skipif(not FULL.exists(), reason="Linux's device that is always full")


def command(*words: str, **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", "raysat", *words], text=True, **options)


@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [PLAN, ("--help",)], ids=["plan", "help"])
def test_a_full_stdout(words: tuple[str, ...], unbuffered: str) -> None:
    with FULL.open("w") as full:
        environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        process = command(*words, stdout=full, stderr=subprocess.PIPE, env=environment)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 3
    error, hint = stderr.splitlines()
    assert error == "error: stdout cannot be written: No space left on device"
    assert hint == "hint: free some space, or send the output elsewhere"


@needs_full
@pytest.mark.parametrize("words", [("plan", "--space", "nowhere.yaml"), ("plan",)], ids=["an error", "a usage"])
def test_a_full_stderr_leaves_the_exit_code(words: tuple[str, ...]) -> None:
    with FULL.open("w") as full:
        process = command(*words, stdout=subprocess.PIPE, stderr=full)
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert stdout == ""


def test_a_reader_that_leaves_early_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = command(*PLAN, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 141
    assert stderr == ""


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> Any:
    """No file may grow beyond 4 kB in this process."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # what is imported now would be kept cut off, for good
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "words",
    [("data", "synth", "--size", "40", "--out", "OUT"), ("data", "info", "demo", "--plot", "OUT")],
    ids=["a store", "a figure"],
)
@pytest.mark.usefixtures("small_files")
def test_a_file_that_may_not_grow(raysat: Callable[..., Any], tmp_path: Path, words: tuple[str, ...]) -> None:
    out = tmp_path / "out.png"
    result = raysat(*(str(out) if word == "OUT" else word for word in words))
    assert_refused(result, 3, f"{out} cannot be written: File too large", "ulimit -f")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_does_not_fit_leaves_the_old_one(tmp_path: Path, small_files: None) -> None:
    run = hostile_run(tmp_path / "run")
    (state,) = run.checkpoints.names()
    with pytest.raises(Exception, match="File too large") as caught:
        run.checkpoints.write(state, bytes(8192))
    assert getattr(caught.value, "exit_code", None) == 3
    assert run.checkpoints.read(state) == b"state"
    assert [path.name for path in run.checkpoints.root.iterdir()] == [state]
