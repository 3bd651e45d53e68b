"""Temporary files that the user alone can reach, and that killed processes do not leave for ever."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raysat.errors import ClusterError
from raysat.execution.cluster.private_folder import private_folder, temporary_folder
from tests.helpers.small_disk import on_small_disk


def test_the_folder_is_private_and_goes(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with private_folder(tmp_path) as private:
            modes = {path.stat().st_mode & 0o777 for path in (private.path, *private.path.iterdir())}
            (private.path / "sub").mkdir()
    finally:
        os.umask(before)
    assert modes == {0o700, 0o600}
    assert not list(tmp_path.iterdir())


def test_a_folder_to_keep_goes_when_the_next_is_made(tmp_path: Path) -> None:
    with private_folder(tmp_path) as first:
        first.keep = True
    assert first.path.is_dir()
    with private_folder(tmp_path) as second:
        assert list(tmp_path.iterdir()) == [second.path]


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from raysat.execution.cluster.private_folder import private_folder\n"
        f"with private_folder(Path({str(tmp_path)!r})) as private:\n"
        "    print(private.path, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", code]
    owner = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    folder = Path(owner.stdout.readline().strip())
    try:
        with private_folder(tmp_path):
            assert folder.is_dir()
    finally:
        owner.kill()
        owner.communicate()
    assert folder.is_dir()
    with private_folder(tmp_path):
        assert not folder.exists()


def test_the_sweep_follows_no_symlink_and_takes_nothing_else(tmp_path: Path) -> None:
    elsewhere, parent = tmp_path / "elsewhere", tmp_path / "parent"
    for folder in (elsewhere, parent, parent / "raysat.mine", parent / "raysat.abcdefgh"):
        folder.mkdir()
    (elsewhere / "owner.lock").touch()
    (parent / "raysat.12345678").symlink_to(elsewhere)
    linked = parent / "raysat.87654321"  # its lock is a symlink: nobody's that raysat made
    linked.mkdir()
    (linked / "owner.lock").symlink_to(elsewhere / "owner.lock")
    with private_folder(parent) as private:
        (private.path / "out").symlink_to(elsewhere)
    left = {"raysat.mine", "raysat.abcdefgh", "raysat.12345678", "raysat.87654321"}
    assert {path.name for path in parent.iterdir()} == left
    assert (elsewhere / "owner.lock").exists()


def test_a_folder_without_lock_goes_once_it_is_old(tmp_path: Path) -> None:
    folder = tmp_path / "raysat.abcdefgh"
    folder.mkdir()
    os.utime(folder, (time.time() - 3600,) * 2)
    with private_folder(tmp_path):
        assert not folder.exists()


def test_a_parent_in_which_others_can_rename_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ClusterError, match="every user can rename"), private_folder(tmp_path):
        pass
    tmp_path.chmod(0o1777)
    with private_folder(tmp_path):
        pass


@pytest.mark.parametrize("name", ["RAY_TMPDIR", "TMPDIR"])
def test_a_folder_that_cannot_be_used_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv(name, "/proc/nope")
    with pytest.raises(ClusterError, match="/proc/nope: No such file") as caught, private_folder():
        pass
    assert "TMPDIR" in (caught.value.hint or "")


def test_a_relative_folder_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", "here")
    monkeypatch.chdir(tmp_path)
    assert temporary_folder() == tmp_path / "here"


@pytest.mark.parametrize(
    ("size", "message"),
    [("size=2m", "no space is left in .*: 2.1 MB"), ("nr_inodes=9", "no files can be added in")],
)
def test_a_full_disk_is_said_before_ray_fails_on_it(tmp_path: Path, size: str, message: str) -> None:
    code = "from raysat.execution.cluster.private_folder import private_folder\nwith private_folder():\n    pass"
    done = on_small_disk(tmp_path, size, code)
    error, hint = done.stderr.splitlines()[-2:]
    assert re.search(f"ClusterError: {message}", error), done.stderr
    assert "another disk" in hint
