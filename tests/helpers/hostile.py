"""What every refusal of a hostile file must look like; and a run for tests to damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from raysat.errors import RaysatError
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import made_up_plan, whole_files

A, B, C, D = (letter * 16 for letter in "abcd")  # trials: finished, finished, failed, missing
STATE = "0123456789abcdef"


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
