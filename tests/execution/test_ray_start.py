"""A Ray that cannot start is one line; without a home, or with a long temporary folder, it does start."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from raysat.data.patch_store import PatchStore
from tests.helpers.command import STUDY, ablate
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S


def run(folder: Path, store: PatchStore, *more: str, **environment: str | None) -> subprocess.CompletedProcess[str]:
    """Run a study of one epoch in a process of its own, with a changed environment."""
    space = folder / "tiny.yaml"
    space.write_text(STUDY, encoding="utf-8")
    words = ablate(space, store, folder / "runs", "--epochs", 1, "--seeds", 1, *more)
    variables = {"PYTHONPATH": str(ROOT)} | os.environ | environment
    return subprocess.run(
        [sys.executable, "-P", "-m", "raysat", *map(str, words)],
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_a_dashboard_that_fails(landsat_store: PatchStore, tmp_path: Path) -> None:
    (tmp_path / "aiohttp.py").write_text("raise OSError('aiohttp is broken')\n", encoding="utf-8")
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    with TemporaryDirectory(dir="/tmp") as temporary:  # its own: where others start Ray, these logs go
        done = run(tmp_path, landsat_store, PYTHONPATH=path, TMPDIR=temporary, RAY_TMPDIR=None)
        error, hint = lines(done.stderr)
        logs = Path(hint.rpartition(" ")[2])
        assert logs.is_relative_to(temporary)
        assert (logs / "gcs_server.out").is_file()
    assert done.returncode == 3
    assert error == "error: Ray cannot be started on this machine: aiohttp is broken"
    assert not list(tmp_path.glob("runs/tiny/trials/*"))


def test_a_torch_that_no_worker_can_import(landsat_store: PatchStore, tmp_path: Path) -> None:
    """The driver never imports it: without a word from the process that workers come from, each would fail anew."""
    (tmp_path / "torch.py").write_text(
        "raise OSError('libtorch.so: cannot open shared object file')\n", encoding="utf-8"
    )
    done = run(tmp_path, landsat_store, PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    error, hint = lines(done.stderr)
    assert done.returncode == 3
    assert error == "error: torch cannot be imported: libtorch.so: cannot open shared object file"
    assert "pip install" in hint
    assert not list(tmp_path.glob("runs/tiny/trials/*"))


def test_a_temporary_folder_that_is_not_there(landsat_store: PatchStore, tmp_path: Path) -> None:
    done = run(tmp_path, landsat_store, TMPDIR="/proc/nope", RAY_TMPDIR=None)
    error, hint = lines(done.stderr)
    assert done.returncode == 3
    assert error == "error: no temporary folder can be made in /proc/nope: No such file or directory"
    assert "TMPDIR" in hint


@pytest.mark.parametrize("home", [None, "/proc/nope"], ids=["no home", "a home that cannot be written"])
def test_a_home_is_not_needed_nor_a_short_temporary_folder(
    home: str | None, landsat_store: PatchStore, tmp_path: Path
) -> None:
    temporary = tmp_path / ("x" * 120)  # too long for the paths of sockets
    temporary.mkdir()
    done = run(tmp_path, landsat_store, HOME=home, TMPDIR=str(temporary), RAY_TMPDIR=None)
    assert done.returncode == 0, done.stderr
    assert not [line for line in lines(done.stderr) if "matplotlib" not in line.lower()]  # it says where its cache is
    assert not list(temporary.iterdir())
