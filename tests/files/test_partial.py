"""What is half-written: seen by nobody, left alone while its writer lives, swept when it does not."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from raysat.files import is_abandoned, partial_file, partial_folder, sweep_partial, write_atomic, write_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from raysat.files import is_abandoned, partial_file, partial_folder
with partial_folder(Path(sys.argv[1]) / "folder") as work, partial_file(Path(sys.argv[1]) / "file") as (_, handle):
    (work / "half").write_text("x")
    os.write(handle, b"x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_swept_by_the_next_write(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert len(names(tmp_path)) == 2
    write_atomic(tmp_path / "file", "whole")
    write_folder(tmp_path / "folder", {"a": b"whole"})
    assert names(tmp_path) == ["file", "folder"]


def test_what_a_live_process_writes_stays(tmp_path: Path) -> None:
    with partial_folder(tmp_path / "folder") as work, partial_file(tmp_path / "file") as (other, _):
        write_atomic(tmp_path / "file", "of a second writer")
        write_folder(tmp_path / "folder", {"a": b"of a second writer"})
        sweep_partial(tmp_path)
        assert work.is_dir()
        other.replace(tmp_path / "file")
    assert names(tmp_path) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b""


def test_leaving_by_an_exception_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(work: Path) -> None:
        (work / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), partial_folder(tmp_path / "folder") as work:
        interrupted(work)
    assert names(tmp_path) == []


def test_only_leftovers_of_the_target_are_swept_and_nothing_behind_a_link_or_a_pipe(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "precious").touch()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".t-0123abcd.partial").symlink_to(kept)
    os.mkfifo(folder / ".t-0123abce.partial")
    for name in (".t-0123abcf.partial", ".other-0123abcd.partial", ".t-0123abc.partial", "t-0123abcd.partial"):
        (folder / name).touch()
    sweep_partial(folder, "t")
    pipe, others = ".t-0123abce.partial", [".other-0123abcd.partial", ".t-0123abc.partial", "t-0123abcd.partial"]
    assert names(folder) == sorted([pipe, *others])
    sweep_partial(folder)
    assert names(folder) == sorted([pipe, *others[1:]]), "whatever it was to become"
    assert names(kept) == ["precious"]


def test_many_writers_of_one_file_at_once(tmp_path: Path) -> None:
    """Each sweeps before it writes; none takes away what another is about to rename."""
    errors: list[Exception] = []

    def write(number: int) -> None:
        try:
            for _ in range(50):
                write_atomic(tmp_path / "file", str(number) * 1000)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert names(tmp_path) == ["file"]
    assert len(set((tmp_path / "file").read_text())) == 1


def test_what_is_abandoned_can_be_told_from_what_is_being_written(tmp_path: Path) -> None:
    with partial_folder(tmp_path / "folder") as work, partial_file(tmp_path / "file") as (other, _):
        assert not is_abandoned(work)
        assert not is_abandoned(other)
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    left = list(tmp_path.iterdir())
    assert len(left) == 2
    assert all(map(is_abandoned, left))
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert is_abandoned(tmp_path / "link")
    assert not is_abandoned(tmp_path / "gone")
