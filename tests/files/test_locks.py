"""Locks on folders, seen from a second process: what is in use is not free, until its user dies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raysat.errors import StorageError
from raysat.files.locks import exclusive, exclusive_now, free_folder, hold_folder

HOLD = """
import sys
from pathlib import Path
from raysat.files.locks import hold_folder
hold = hold_folder(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
del hold
print("let go", flush=True)
sys.stdin.readline()
"""


@contextmanager
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a folder."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def is_free(folder: Path) -> bool:
    with free_folder(folder) as free:
        return free


def open_handles() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_a_held_folder_is_not_free_until_it_is_let_go(tmp_path: Path) -> None:
    assert is_free(tmp_path)
    with holder(tmp_path) as other:
        ours = hold_folder(tmp_path)
        assert not is_free(tmp_path)
        del ours
        assert not is_free(tmp_path), "the other process uses it still"
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "let go\n"
        assert is_free(tmp_path)


def test_the_system_takes_back_what_a_killed_process_held(tmp_path: Path) -> None:
    with holder(tmp_path) as other:
        assert not is_free(tmp_path)
        other.kill()
        other.wait()
        assert is_free(tmp_path)


def test_a_folder_that_is_not_there_is_not_held(tmp_path: Path) -> None:
    assert hold_folder(tmp_path / "nothing") is None
    assert not is_free(tmp_path / "nothing")


def test_what_a_link_leads_to_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(StorageError, match="cannot be used"):
        hold_folder(tmp_path / "link")
    assert not is_free(tmp_path / "link")


def test_holds_of_folders_that_are_gone_leave_no_handle(tmp_path: Path) -> None:
    before = open_handles()
    for _ in range(20):
        assert hold_folder(tmp_path) is not None
    assert open_handles() == before


def test_who_does_not_wait_is_told_that_a_file_is_locked(tmp_path: Path) -> None:
    with exclusive(tmp_path / "lock"), exclusive_now(tmp_path / "lock") as ours:
        assert not ours
    with exclusive_now(tmp_path / "lock") as ours:
        assert ours
