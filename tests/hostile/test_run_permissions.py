"""What a user may not read of a run: an error that says so, never a run with less in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.hostile import NOBODY, STATE, A, C, assert_refused, hostile_run

pytestmark = pytest.mark.slow

AS_NOBODY = """
import contextlib, io, json, os, sys
from pathlib import Path
from raysat.cli.main import main

def run(*words):
    sys.argv = ["raysat", *words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            return [int(ended.code or 0), out.getvalue(), err.getvalue()]

good, *bad = sys.argv[1:]
commands = [("status",), ("ledger", "verify"), ("report", "--format", "csv")]
for command in commands:  # what they import may be hidden from others
    assert run(*command, good)[0] == 0
os.chdir(Path(good).parent)
os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
print(json.dumps([[name, command, run(*command, name)] for name in bad for command in commands]))
"""
HIDDEN = ["", "trials", f"trials/{A}", f"trials/{A}/record.json", f"trials/{A}/SHA256SUMS"]
HIDDEN += [f"trials/{A}/predictions.npz", "failures", f"failures/{C}.json", "plan.json", "checkpoints"]


@pytest.fixture(name="as_nobody")
def _as_nobody(tmp_path: Path) -> Iterator[list[tuple[str, list[str], Any]]]:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    good = hostile_run(tmp_path / "good")
    (good.root / "failures" / f"{C}.json").unlink()
    good.checkpoints.drop(STATE)
    for number, name in enumerate(HIDDEN):
        run = hostile_run(tmp_path / f"run-{number}")
        (run.root / name).chmod(0)
    tmp_path.chmod(0o777)
    script = [sys.executable, "-c", AS_NOBODY.replace("{nobody}", str(NOBODY)), str(good.root)]
    done = subprocess.run(
        [*script, *(f"run-{number}" for number in range(len(HIDDEN)))],
        capture_output=True, text=True, check=True, env=os.environ | {"HOME": "/nonexistent"},
    )  # fmt: skip
    yield json.loads(done.stdout)
    for number, name in enumerate(HIDDEN):
        (tmp_path / f"run-{number}" / name).chmod(0o755)


class Ended:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


def test_what_a_user_may_not_read_is_neither_missing_nor_damaged(as_nobody: list[tuple[str, list[str], Any]]) -> None:
    for name, command, ended in as_nobody:
        hidden, result = HIDDEN[int(name.removeprefix("run-"))], Ended(*ended)
        if command[0] == "report" and hidden in ("checkpoints",):
            assert "cannot be written" in result.err  # nobody may write a report there
        else:
            assert_refused(result, 2, "Permission denied", "change its permissions")
