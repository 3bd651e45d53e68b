"""The lock of a run: one raysat at a time fills it, seen from a second process."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raysat.errors import StorageError
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import ID, files_of, made_up_record

HOLD = """
import sys
from raysat.storage.ledger import Ledger
with Ledger(sys.argv[1]).lock():
    print("held", flush=True)
    sys.stdin.readline()
print("let go", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runs" / "study")


@pytest.fixture
def other(ledger: Ledger) -> Iterator[subprocess.Popen[str]]:
    """Another process, which holds the lock until it reads a line."""
    command = [sys.executable, "-c", HOLD, str(ledger.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_run_that_another_process_fills_is_refused_until_it_lets_go(ledger, other):
    with pytest.raises(StorageError) as caught, ledger.lock():
        pytest.fail("two processes hold one run")
    assert caught.value.message == (
        f"{ledger.root} is in use by another raysat (pid {other.pid} on {socket.gethostname()})"
    )
    assert "another out" in caught.value.hint
    with Ledger(ledger.root.parent / "another").lock():
        pass
    other.stdin.write("\n")
    other.stdin.flush()
    assert other.stdout.readline() == "let go\n"
    with ledger.lock():
        assert (ledger.root / ".lock").read_text() == f"pid {os.getpid()} on {socket.gethostname()}\n"
    assert other.poll() is None


def test_a_process_that_is_killed_lets_go(ledger, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    with ledger.lock():
        ledger.write(ID, files_of(made_up_record()))  # takes no lock itself
    assert ledger.is_finished(ID)


def test_the_lock_is_let_go_after_an_error_and_is_no_part_of_the_records(ledger):
    with pytest.raises(KeyError), ledger.lock():
        raise KeyError
    with ledger.lock(), pytest.raises(StorageError, match=f"pid {os.getpid()} "), ledger.lock():
        pytest.fail("held twice")
    assert [path.name for path in ledger.root.iterdir()] == [".lock"]
    with pytest.raises(StorageError, match="not a run"):
        Ledger.open(ledger.root)


def test_a_run_that_cannot_be_made_is_an_error_with_advice(ledger):
    ledger.root.parent.mkdir()
    ledger.root.write_text("a file where the run should be")
    with pytest.raises(StorageError, match="cannot be written") as caught, ledger.lock():
        pytest.fail("held a file")
    assert "another path" in caught.value.hint


def failing(number: int):
    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fails


def test_a_file_system_without_locks_is_good_enough(ledger, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
    with ledger.lock():
        ledger.write(ID, files_of(made_up_record()))
    assert ledger.is_finished(ID)


def test_a_lock_that_fails_is_an_error(ledger, monkeypatch):
    monkeypatch.setattr(fcntl, "flock", failing(errno.EIO))
    with pytest.raises(StorageError, match="cannot be locked"), ledger.lock():
        pytest.fail("held without a lock")
