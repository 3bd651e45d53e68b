"""The command among others: Ctrl-C, who listens where, a run that is taken, and addresses that are no cluster."""

import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.storage.ledger import Ledger
from tests.helpers.command import Raysat, ablate
from tests.helpers.patience import PATIENCE_S
from tests.helpers.processes import LOOPBACK, listening


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's table of sockets")
def test_ctrl_c_keeps_what_is_finished_and_nothing_listens_beyond_loopback(
    space: Path, landsat_store: PatchStore, tmp_path: Path, raysat: Raysat
) -> None:
    out = tmp_path / "runs"
    words = [str(word) for word in ablate(space, landsat_store, out)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    command = [sys.executable, "-m", "raysat", *words, "--epochs", "12"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not list(out.glob("tiny/trials/*/record.json")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        addresses = {address for address, _ in listening(process.pid)}
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert addresses
    assert addresses <= LOOPBACK
    assert process.returncode == 130, stderr
    assert stderr.strip() == "stopped; the same command resumes from here"
    assert "Traceback" not in stdout + stderr
    finished = len(list(out.glob("tiny/trials/*/record.json")))
    assert 1 <= finished < 4
    assert not list(out.glob("tiny/trials/.*"))
    plan = raysat("plan", *words[1:], "--epochs", "12")
    assert f"to train   {4 - finished} trial{'s' * (finished < 3)}, " in plan.out


def test_an_address_that_is_not_ray(
    raysat: Raysat, space: Path, landsat_store: PatchStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dashboard's port is an easy mistake; Ray itself would try it for minutes."""
    monkeypatch.setattr("raysat.execution.cluster.address.PATIENCE", 2.0)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        result = raysat(*ablate(space, landsat_store, tmp_path / "runs", "--address", address))
        server.shutdown()
    assert result.code == 3
    assert f"error: the cluster at {address} cannot be reached: what answers there is not Ray" in result.err
    assert "8265" in result.err


def test_a_second_run_on_the_same_output_is_refused(
    raysat: Raysat, space: Path, landsat_store: PatchStore, tmp_path: Path
) -> None:
    with Ledger(tmp_path / "runs" / "tiny").lock():
        result = raysat(*ablate(space, landsat_store, tmp_path / "runs"))
    assert result.code == 3
    assert f"pid {os.getpid()}" in result.err


def test_an_unreachable_cluster(space: Path, landsat_store: PatchStore, tmp_path: Path) -> None:
    words = ablate(space, landsat_store, tmp_path / "runs", "--address", "127.0.0.1:1")
    command = [sys.executable, "-m", "raysat", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("error: the cluster at 127.0.0.1:1 cannot be reached")
    assert not (tmp_path / "runs").exists()
    assert "Traceback" not in done.stderr
