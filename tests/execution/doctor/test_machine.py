"""What is wrong with a machine is a fault or a warning with a remedy; what is right is said in a few words."""

import resource
import socket
import sys
from pathlib import Path

import pytest

from raysat.execution.doctor.check import Check
from raysat.execution.doctor.machine import (
    glibc,
    look_over,
    open_files,
    packages,
    ports,
    runs,
    temporary_files,
    token,
)
from raysat.execution.versions import versions
from tests.helpers.small_disk import on_small_disk


def test_this_machine(tmp_path: Path) -> None:
    found = {check.name: check for check in look_over(str(tmp_path / "runs"))}
    assert found["Python"].found == ".".join(map(str, sys.version_info[:3]))
    assert found["torch"].found.partition("+")[0] == versions()["torch"].partition("+")[0]
    assert found["Ray"].found == versions()["ray"]
    assert {"cores", "memory", "CUDA", "shared memory", "runs", "temporary files", "open files", "ports"} < set(found)
    assert all(check.remedy for check in found.values() if check.level != "ok")
    assert not list(tmp_path.iterdir()), "it changes nothing"


def test_a_package_that_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libc10.so: cannot open shared object file')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch")
    found = {check.name: check for check in packages()}
    assert found["raysat"].level == found["Ray"].level == "ok"
    assert found["torch"].level == "fault"
    assert found["torch"].found == "torch cannot be imported: libc10.so: cannot open shared object file"
    assert "pip install" in (found["torch"].remedy or "")


@pytest.mark.parametrize(("version", "level"), [("2.27", "fault"), ("2.28", "ok"), ("2.9", "fault"), ("3.0", "ok")])
def test_an_old_system(version: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", version))
    assert glibc().level == level


def test_runs_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs(str(tmp_path / "a" / "b")).level in ("ok", "warning")
    (tmp_path / "file").touch()
    assert runs(str(tmp_path / "file" / "runs")).level == "fault"
    assert runs("ftp://host/runs").level == "fault"
    assert runs("s3://bucket:1/../x").level == "fault"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "check", "level", "words"),
    [
        ("size=64m", "shared_memory(Path.cwd())", "warning", "--shm-size"),
        ("size=64m", "runs('runs')", "fault", "--out"),
        ("size=4g", "runs('runs')", "warning", "--out"),
        ("size=64m,ro", "runs('runs')", "fault", "--out"),
        ("size=64m", "temporary_files()", "warning", "TMPDIR"),
        ("size=2m", "temporary_files()", "fault", "TMPDIR"),
    ],
)
def test_small_disks(tmp_path: Path, size: str, check: str, level: str, words: str) -> None:
    code = f"from raysat.execution.doctor.machine import *; from pathlib import Path; print(repr({check}))"
    done = on_small_disk(tmp_path, size, code)
    assert done.returncode == 0, done.stderr
    found: Check = eval(done.stdout, {"Check": Check})  # noqa: S307  (the repr of a dataclass, from raysat itself)
    assert (found.level, words in (found.remedy or "")) == (level, True)


def test_a_limit_of_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for most, level in ((1024, "warning"), (65536, "ok"), (resource.RLIM_INFINITY, "ok")):
        monkeypatch.setattr(resource, "getrlimit", lambda _, most=most: (256, most))
        assert open_files().level == level


def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr("raysat.execution.doctor.machine._PORTS", {port: "head"})
        check = ports()
        assert (check.level, check.found) == ("warning", f"{port} (head) taken")
    assert ports().level == "ok"


def test_a_token_that_others_can_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert token().level == "ok"
    path = tmp_path / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("secret", encoding="ascii")
    path.chmod(0o640)
    assert (token().level, token().remedy) == ("fault", f"chmod 600 {path}")
    path.chmod(0o600)
    assert token().level == "ok"
    assert "secret" not in repr(token())
    path.parent.chmod(0o777)
    assert (token().level, token().remedy) == ("fault", f"chmod 700 {path.parent}")
    path.parent.chmod(0o1777)  # as of /tmp: others cannot rename what is yours
    assert token().level == "ok"
    path.parent.chmod(0o700)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "nope"))
    assert token().level == "fault"


def test_temporary_files_go_to_a_safe_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tmp_path.chmod(0o777)
    check = temporary_files()
    assert check.level == "fault"
    assert "every user can rename" in check.found
