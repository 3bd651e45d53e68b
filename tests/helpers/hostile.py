"""What every refusal of a hostile file must look like; and a run for tests to damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raysat.errors import RaysatError
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import made_up_plan, whole_files

A, B, C, D = (letter * 16 for letter in "abcd")  # trials: finished, finished, failed, missing
STATE = "0123456789abcdef"
NOBODY = 65534
COMMANDS = [("status",), ("report",), ("ledger", "verify")]
Raysat = Callable[..., Any]


def assert_refused(result: Any, code: int, *said: str) -> None:
    """Check that a command ended with one clear error line, and one hint at most.

    Args:
        result: how the command ended.
        code: its exit code.
        said: parts of the error or its hint.
    """
    assert result.code == code, result.err
    lines = result.err.splitlines()
    assert lines[0].startswith("error: "), result.err
    assert len(lines) <= 2, result.err
    assert all(line.startswith("hint: ") for line in lines[1:]), result.err
    for text in (result.err, result.out):
        assert "error: unexpected" not in text
        assert "Traceback" not in text
        assert "\x1b" not in text
    assert all(len(line) < 600 for line in lines)
    for part in said:
        assert part in result.err, result.err


def error_of(call: Callable[[], object]) -> RaysatError | None:
    """Return the error that a call ends with, or None; another exception than raysat's is a bug, and goes on."""
    try:
        call()
    except RaysatError as error:
        return error
    return None


def hostile_run(folder: Path) -> Ledger:
    """Write a run of two arms and two seeds, with a failure and a checkpoint."""
    ledger = Ledger(folder)
    arms = [
        {"name": "one", "trials": [{"seed": 0, "id": A}, {"seed": 1, "id": B}]},
        {"name": "two", "trials": [{"seed": 0, "id": C}, {"seed": 1, "id": D}]},
    ]
    ledger.write_plan("study: s\n", made_up_plan(arms=arms))
    for trial in (A, B):
        ledger.write(trial, whole_files(trial))
    ledger.write_failure(Failure(id=C, error="it diverged", time=0.0))
    ledger.checkpoints.write(STATE, b"state")
    return ledger


def words(command: tuple[str, ...], run: Ledger) -> tuple[object, ...]:
    """A command on a run; the quickest report."""
    return (*command, run.root, "--format", "csv") if command == ("report",) else (*command, run.root)


def assert_clear(result: Any) -> None:
    """Check that a command did its work, or was refused as it should be."""
    if result.code == 2:
        assert_refused(result, 2)
    else:
        assert result.code in (0, 1)
        assert result.err == ""
        assert "unexpected" not in result.out


def assert_damaged(raysat: Raysat, run: Ledger, said: str) -> None:
    """Check that every command says of the first trial that it is damaged, and spares the others."""
    status, found = raysat("status", run.root), raysat("ledger", "verify", run.root)
    assert "1 done, 0 running, 2 failed, 1 missing" in status.out
    assert said in " ".join(status.out.split())
    assert (found.code, found.err) == (1, "")
    assert f"damaged    {run.root / 'trials' / A}" in " ".join(found.out.split("\n"))
    assert "whole      1 record" in found.out
    report = raysat("report", run.root, "--format", "json")
    assert (report.code, report.err) == (0, "")
    arms = json.loads((run.root / "report" / "report.json").read_text())["arms"]
    assert said in json.dumps([arm for arm in arms if arm["name"] == "one"])
    assert not run.is_finished(A), "it is trained again"
