"""What a Ray that starts here gets: a token of its own, short paths, and nothing of the current directory."""

import os
from pathlib import Path

import pytest

from raysat.execution.cluster.local_ray import elsewhere, private_processes, ray_folders
from raysat.execution.cluster.private_folder import private_folder


def test_the_token_is_new_each_time_and_the_environment_afterwards_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of another cluster")
    before, tokens = dict(os.environ), set()
    for _ in range(2):
        with private_folder(tmp_path) as private, ray_folders(private) as folders:
            assert folders.token.stat().st_mode & 0o777 == 0o600
            assert os.environ["RAY_AUTH_TOKEN_PATH"] == str(folders.token)
            assert not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN"} & set(os.environ)
            tokens.add(folders.token.read_text(encoding="ascii"))
    assert len(tokens) == 2
    assert {len(token) for token in tokens} == {64}
    assert dict(os.environ) == before


def test_a_path_too_long_for_sockets_lies_elsewhere(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 150)
    long.mkdir()
    with private_folder(long) as private, ray_folders(private) as folders:
        socket = folders.temporary / "session_2026-01-01_00-00-00_000000_1234567" / "sockets" / "dash_TaskEventsHead"
        assert len(os.fsencode(socket)) <= 107
        assert folders.home.path.stat().st_mode & 0o777 == 0o700
        assert folders.scratch.parent.parent == long
    assert not folders.home.path.exists()
    assert not private.path.exists()


def test_processes_start_elsewhere_and_the_caller_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "lib", "/usr/lib/x"]))
    before = dict(os.environ)
    with private_processes(home):
        assert Path.cwd().is_relative_to(home)
        assert not list(Path.cwd().iterdir())
        assert os.environ["PYTHONPATH"] == os.pathsep.join([str(work / "lib"), "/usr/lib/x"])
        assert Path(os.environ["TMPDIR"]).is_relative_to(home)
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert Path.cwd() == work
    assert dict(os.environ) == before


def test_the_caller_stays_in_a_folder_that_is_gone_or_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    monkeypatch.chdir(work)
    work.rmdir()
    inode = os.stat(".").st_ino  # noqa: PTH116  (a Path would ask for its name)
    with elsewhere(home):
        assert Path.cwd().is_relative_to(home)
    assert os.stat(".").st_ino == inode  # noqa: PTH116
