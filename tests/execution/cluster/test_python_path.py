"""Where processes find raysat and what the user added; an empty entry of PYTHONPATH is no place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from raysat.execution.cluster.python_path import python_path, raysat_path, worker_path
from tests.helpers.paths import ROOT


def test_workers_get_the_current_directory_only_for_raysat_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert worker_path() == []
    monkeypatch.chdir(ROOT)
    assert worker_path() == [str(ROOT)]


@pytest.mark.parametrize(
    ("given", "expected"), [(None, None), ("", None), ("/a", "/a"), ("/a::b:", f"/a{os.pathsep}{ROOT}/b")]
)
def test_entries_are_absolute_and_never_empty(
    given: str | None, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if given is not None:
        monkeypatch.setenv("PYTHONPATH", given)
    assert python_path() == expected
    assert raysat_path() == os.pathsep.join(filter(None, [str(ROOT), expected]))
