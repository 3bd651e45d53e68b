"""The process that tracks a run: it ends in time, with whoever started it, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raysat.storage.heartbeat import write_status
from raysat.tracking.beside import Beside, tracked_beside
from raysat.tracking.models import Request, Sent, TrackerKind
from raysat.tracking.source import Source
from raysat.tracking.tracker import open_tracker
from tests.helpers.patience import PATIENCE_S
from tests.helpers.processes import command, descendants
from tests.helpers.report import write_trial
from tests.helpers.report_fixtures import MakeRun
from tests.tracking.test_source import ARMS, running, status

pytestmark = pytest.mark.slow

PATH = os.environ.get("PYTHONPATH", "")


def request(run: Path, folder: Path, kind: TrackerKind = "tensorboard", **how: bool) -> Request:
    return Request(run=str(run), kind=kind, folder=str(folder), **how)


def eventually(is_so) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    return not command(pid)


def test_what_trains_is_sent_meanwhile_and_the_rest_at_the_end(make_run: MakeRun, tmp_path: Path) -> None:
    ledger = make_run(ARMS, seeds=(0, 1), missing=[("plain", 1), ("ldam", 1)])
    plain = next(head for head in Source(ledger.root).look().heads if head.seed == 1)
    with tracked_beside(request(ledger.root, tmp_path / "board", until_told=True), PATH) as beside:
        with ledger.lock():
            write_status(ledger.progress, status(running(plain.id, 1, 0.5)))
            eventually(lambda: list(tmp_path.glob(f"board/plain/seed-1-{plain.id}/*.live")))
        eventually(lambda: beside.sent.sent == 2)
        assert os.getpriority(os.PRIO_PROCESS, beside.pid) == min(19, os.nice(0) + 15)
        write_trial(ledger, plain.id, (0.9, 0.5, 0.6, 0.4), seed=1)
        beside.say_end()
        sent = beside.ended(PATIENCE_S)
    assert (sent.sent, sent.total, sent.error, sent.ended) == (3, 4, None, True)
    assert is_gone(beside.pid)
    assert len(list(tmp_path.glob("board/*/*/*.whole"))) == 3


def test_a_server_that_takes_no_answer_is_given_up_at_the_deadline(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = make_run(ARMS, seeds=(0,))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "600")
        with tracked_beside(request(ledger.root, tmp_path, "mlflow", until_told=True), PATH) as beside:
            eventually(lambda: beside.sent.total == 2)
            began = time.monotonic()
            beside.say_end()
            sent = beside.ended(0.5)
            assert time.monotonic() - began < 10.0
    assert (sent.sent, sent.total, sent.ended) == (0, 2, False)
    assert sent.error == "it was stopped before the rest"
    assert is_gone(beside.pid)


@pytest.mark.parametrize("kind", ["tensorboard", "wandb"])
def test_it_ends_with_the_process_that_started_it_however_that_ends(
    make_run: MakeRun, tmp_path: Path, kind: TrackerKind
) -> None:
    ledger = make_run(ARMS, seeds=(0,))
    script = (
        "import sys, time\n"
        "from raysat.tracking.beside import Beside\n"
        "from raysat.tracking.models import Request\n"
        "beside = Beside(Request.model_validate_json(sys.argv[1]), sys.argv[2])\n"
        "while beside.sent.sent < 2: time.sleep(0.05)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    asked = request(ledger.root, tmp_path / kind, kind, until_told=True).model_dump_json()
    parent = subprocess.Popen([sys.executable, "-c", script, asked, PATH], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        below = descendants(parent.pid) - {parent.pid}
        assert below
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    eventually(lambda: all(map(is_gone, below)))


def test_a_run_that_ends_elsewhere_ends_it_too(make_run: MakeRun, tmp_path: Path) -> None:
    ledger = make_run(ARMS, seeds=(0,))
    told: list[Sent] = []
    with tracked_beside(request(ledger.root, tmp_path / "board", watch=True), PATH, told.append) as beside:
        sent = beside.wait()
    assert (sent.sent, sent.ended) == (2, True)
    assert [each.sent for each in told if each.sent] == [1, 2, 2]


def test_a_process_that_is_killed_is_said(make_run: MakeRun, tmp_path: Path) -> None:
    beside = Beside(request(make_run(ARMS, seeds=(0,)).root, tmp_path, until_told=True), PATH)
    os.kill(beside.pid, signal.SIGKILL)
    assert beside.wait().error == "its process was killed"


def test_neither_telemetry_nor_a_long_patience_unless_the_user_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from raysat.tracking import process

    names = {"MLFLOW_DISABLE_TELEMETRY", "WANDB_ERROR_REPORTING", "DO_NOT_TRACK", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"}
    assert names <= set(process._ENVIRONMENT)


@pytest.mark.parametrize("kind", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_package_is_named_with_its_extra(
    kind: TrackerKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from raysat.errors import InstallationError
    from raysat.tracking.tracker import _MODULES, check_installed

    check_installed(kind)
    for name in [name for name in sys.modules if name.partition(".")[0] == _MODULES[kind]]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, _MODULES[kind], None)  # Python's way to say that there is none
    for check in (lambda: check_installed(kind), lambda: open_tracker(kind, tmp_path)):
        with pytest.raises(InstallationError, match=r"comes with raysat\[track\]"):
            check()
