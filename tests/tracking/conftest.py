"""A real MLflow server on loopback, and made-up runs to send."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.patience import PATIENCE_S


@dataclass
class MLflowServer:
    """A server in a process group of its own."""

    url: str
    process: subprocess.Popen[bytes]

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.url)

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def start_mlflow(folder: Path) -> MLflowServer:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "DO_NOT_TRACK": "true",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seconds of its start
            },
            start_new_session=True,
        )
    server, deadline = MLflowServer(f"http://127.0.0.1:{port}", process), time.monotonic() + PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(f"{server.url}/health", timeout=2).close()  # noqa: S310
        except OSError:
            assert process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < deadline, (folder / "server.log").read_text()
            time.sleep(0.2)
        else:
            return server


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLflowServer]:
    """A server that the tests of a file share, in the environment that MLflow's clients read."""
    server = start_mlflow(tmp_path_factory.mktemp("mlflow"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MLFLOW_TRACKING_URI", server.url)
        environment.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        environment.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
        yield server
    server.kill()


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs the tests may have accounts of their own."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.setenv("WANDB_SILENT", "true")
