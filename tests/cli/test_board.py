"""``raysat board`` and ``ablate --board``: what they refuse, how they end, and that nothing is left of them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from tests.helpers.command import Raysat, ablate
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S
from tests.helpers.report_fixtures import MakeRun

ARMS = {"plain": (0.9, 0.5, 0.6, 0.4)}
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def begin(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", *map(str, words)]
    environment = os.environ | ENVIRONMENT
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def read_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"board +(http://127\.0\.0\.1:\d+/[\w-]{32}/)\n", line)
    assert found, line + process.stdout.read()
    return found[1]


def ask(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310  (this machine)
        content: bytes = answer.read()
    return content


def is_gone(url: str) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            ask(url)
        except (urllib.error.URLError, ConnectionError):
            return True
        time.sleep(0.1)
    return False


def test_what_is_no_run_is_an_error(raysat: Raysat, tmp_path: Path) -> None:
    found = raysat("board", tmp_path)
    assert found.code == 2
    assert found.err.startswith(f"error: {tmp_path} is not a run (no plan.json)\nhint: ")


def test_a_run_named_twice_is_an_error(raysat: Raysat, make_run: MakeRun) -> None:
    run = make_run(ARMS).root
    found = raysat("board", run, run)
    assert (found.code, found.err) == (2, "error: a run is named twice\nhint: name each once\n")


def test_a_port_that_is_taken_is_an_error(raysat: Raysat, make_run: MakeRun) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = raysat("board", make_run(ARMS).root, "--port", port)
    assert found.code == 2
    assert found.err.startswith(f"error: port {port} of 127.0.0.1 is taken\nhint: choose another with --port")


def test_a_missing_extra_is_one_error(raysat: Raysat, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name.partition(".")[0] in {"starlette", "uvicorn"}:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] in {"starlette", "uvicorn"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    found = raysat("board", make_run(ARMS).root)
    assert found.code == 3
    assert "starlette is not installed: it comes with raysat[board]" in found.err
    assert "pip install" in found.err


@pytest.mark.slow
def test_ctrl_c_ends_it_quietly(make_run: MakeRun) -> None:
    process = begin("-m", "raysat", "board", make_run(ARMS).root, "--port", 0)
    url = read_url(process)
    assert b"raysat board" in ask(url)
    with urllib.request.urlopen(f"{url}runs/0/changes?after=1", timeout=PATIENCE_S):  # noqa: S310  (a stream is open)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in out
    assert is_gone(url)


@pytest.mark.slow
def test_a_board_beside_another_process_ends_with_it_however_that_ends(make_run: MakeRun) -> None:
    run = str(make_run(ARMS).root)
    script = f"""
import time
from pathlib import Path
from raysat.board.beside import board_beside
with board_beside([Path({run!r}), Path({run!r}) / "later"]) as url:
    print("board     ", url, flush=True)
    time.sleep(600)
"""
    process = begin("-c", script)
    url = read_url(process)
    assert b"raysat board" in ask(url)
    process.kill()  # it can tell nobody
    process.communicate(timeout=PATIENCE_S)
    assert is_gone(url)


@pytest.mark.ray
@pytest.mark.slow
def test_ablate_shows_its_board_until_it_ends(space: Path, landsat_store: PatchStore, tmp_path: Path) -> None:
    words = ablate(space, landsat_store, tmp_path / "runs", "--board")
    process = begin("-m", "raysat", *words)
    url = read_url(process)
    assert b'"study":"tiny"' in ask(f"{url}runs")
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, out
    assert is_gone(url)
