"""What is slow here: imports that take long, bytecode that nobody keeps, CPUs that compute little or for others."""

from __future__ import annotations

import importlib
import importlib.util
import os
import py_compile
import sys
from pathlib import Path

import pytest

from raysat.execution.doctor.speed import bytecode, cpu_steps, import_check, step_check, torch_import


@pytest.fixture(name="package")
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that has never been imported."""
    folder = tmp_path / "planted_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("VALUE = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return folder / "__init__.py"


def test_bytecode_that_will_be_kept(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert bytecode(["planted_package"]).level == "ok"


def test_bytecode_that_nobody_keeps(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    check = bytecode(["planted_package", "no_such_package", "sys"])
    assert check.level == "warning"
    assert check.found.startswith("not there of planted_package: PYTHONDONTWRITEBYTECODE is set")
    assert f"compileall -q {package.parent}" in (check.remedy or "")
    py_compile.compile(str(package), cfile=importlib.util.cache_from_source(str(package)))
    assert bytecode(["planted_package"]).level == "ok", "once compiled it is there"


def test_a_folder_that_cannot_be_written(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(os, "access", lambda *_: False)
    check = bytecode(["planted_package"])
    assert check.level == "warning"
    assert "their folder cannot be written" in check.found


def test_an_import_that_takes_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("import time\ntime.sleep(0.3)\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert torch_import() is None or "torch" not in sys.modules, "what is imported already is not measured"
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    importlib.invalidate_caches()
    try:
        check = torch_import()
    finally:
        sys.modules.pop("torch", None)
    assert check is not None
    assert check.level == "ok"
    assert float(check.found.split()[2]) >= 0.3
    assert (import_check(12.0).level, "compileall" in (import_check(12.0).remedy or "")) == ("warning", True)


def test_one_that_fails_is_said_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('broken')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    importlib.invalidate_caches()
    assert torch_import() is None


def test_steps_are_measured() -> None:
    check = cpu_steps()
    assert float(check.found.split()[0].replace(",", "")) > 0
    assert "GFLOP/s" in check.found


@pytest.mark.parametrize(
    ("rate", "threads", "share", "level", "words"),
    [
        (100.0, 2, 1.0, "ok", ""),
        (6.0, 2, 0.98, "warning", "AVX2"),
        (6.0, 1, 0.98, "ok", ""),
        (100.0, 4, 0.25, "warning", "something else computes here"),
    ],
)
def test_slow_cpus(rate: float, threads: int, share: float, level: str, words: str) -> None:
    check = step_check(rate, threads, share)
    assert (check.level, words in (check.remedy or "")) == (level, True)
