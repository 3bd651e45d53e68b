"""``raysat logs``: a line for each thing that happened, and for one trial why it failed and where its output is."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raysat.storage.event_log import EventLog, LoggedEvent
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import made_up_plan

Raysat = Callable[..., Any]
A, B = ("a" * 16, "b" * 16)


@pytest.fixture(name="run")
def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    ledger = Ledger(tmp_path / "runs" / "s")
    arms = [{"name": name, "trials": [{"seed": 0, "id": trial}]} for name, trial in (("one", A), ("two", B))]
    ledger.write_plan("study: s\n", made_up_plan(arms=arms))
    ledger.write_failure(Failure(id=B, error="it diverged", hint="lower lr", traceback="Traceback\nof it", time=0.0))
    log, place = EventLog(ledger.root), {"host": "node2", "address": "10.77.0.2", "pid": 77}
    log.write(LoggedEvent(time=0.0, event="run started", host="head", reason="2 jobs at a time"))
    log.write(LoggedEvent(time=1.0, event="training", trial=A, name="one", seed=0, epoch=1, **place))
    log.write(
        LoggedEvent(time=2.0, event="failed", trial=B, name="two", seed=0, epoch=3, reason="it diverged", **place)
    )
    log.close()
    yield ledger
    monkeypatch.undo()
    time.tzset()


def test_all_that_happened(raysat: Raysat, run: Ledger) -> None:
    assert raysat("logs", run.root).out.splitlines() == [
        "1970-01-01 00:00:00  head   run started  2 jobs at a time",
        "1970-01-01 00:00:01  node2  one  seed 0  training  epoch 1",
        "1970-01-01 00:00:02  node2  two  seed 0  failed  epoch 3  it diverged",
    ]


def test_one_trial_with_its_traceback_and_the_place_of_its_output(raysat: Raysat, run: Ledger) -> None:
    lines = raysat("logs", run.root, "--arm", "two", "--seed", 0).out.splitlines()
    assert lines[0].endswith("two  seed 0  failed  epoch 3  it diverged")
    assert lines[2:5] == ["Traceback", "of it", "hint: lower lr"]
    assert lines[-1] == "ray logs worker --pid 77 --node-ip 10.77.0.2 --err"
    assert "Traceback" not in raysat("logs", run.root, "--arm", "one").out


def test_an_address_from_a_file_is_no_shell_command(raysat: Raysat, run: Ledger) -> None:
    log = EventLog(run.root)
    log.write(LoggedEvent(event="done", trial=A, name="one", seed=0, host="h", address="1; rm -rf ~", pid=1))
    log.close()
    assert "--node-ip '1; rm -rf ~' --err" in raysat("logs", run.root, "--arm", "one").out


def test_a_run_without_a_log_and_an_arm_that_there_is_not(raysat: Raysat, run: Ledger) -> None:
    result = raysat("logs", run.root, "--arm", "tow")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[-2:] == [f"error: {run.root} has no arm 'tow'", "hint: did you mean 'two'?"]
    for file in (run.root / "events").iterdir():
        file.unlink()
    assert raysat("logs", run.root).out == "nothing has happened yet\n"
    assert raysat("logs", run.root.parent).code != 0
