"""``raysat doctor`` through the real command: a line for each thing within 80 columns, and what its exit code says."""

from pathlib import Path

import pytest


def test_a_machine_without_faults_and_one_with(raysat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    whole = raysat("doctor", "--out", tmp_path / "runs")
    lines = whole.out.splitlines()
    assert lines[0] == "this machine"
    assert max(map(len, lines)) <= 80
    names = {line.split(maxsplit=1)[1].split("  ")[0] for line in lines if line.startswith("ok  ")}
    assert {"Python", "torch", "Ray", "C library"} <= names
    assert (whole.code, whole.err) == (0, "")

    (tmp_path / ".ray").mkdir()
    token = tmp_path / ".ray" / "auth_token"
    token.touch(mode=0o644)
    faulty = raysat("doctor", "--out", tmp_path / "runs")
    assert faulty.code == 1
    assert any(line.startswith("fault") and "others can read" in line for line in faulty.out.splitlines())
    assert "do: chmod 600" in faulty.out
    assert faulty.out.splitlines()[-1].startswith("1 fault, ")


def test_a_cluster_that_is_not_there(raysat) -> None:
    result = raysat("doctor", "--address", "127.0.0.1:1")
    assert result.code == 3
    assert "the cluster at 127.0.0.1:1 cannot be reached" in result.err
