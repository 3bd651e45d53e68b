"""The leaderboard of a run, from its folder to its files."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from raysat.errors import LedgerError
from raysat.report.run import leaderboard

ARMS = {"a": (0.9, 0.5, 0.5, 0.4), "b": (0.8, 0.8, 0.8, 0.8)}


def test_it_writes_into_the_run(make_run):
    ledger = make_run(ARMS, seeds=(0,), study="quick")
    board, paths = leaderboard(ledger.root)
    assert [path.parent for path in paths] == [ledger.root] * 3
    before = [path.read_bytes() for path in paths]
    again, _ = leaderboard(ledger.root)
    assert again == board
    assert [path.read_bytes() for path in paths] == before
    assert json.loads(paths[2].read_text(encoding="utf-8"))["study"] == "quick"


def test_a_run_with_nothing_finished_has_one_too(make_run):
    ledger = make_run(ARMS, seeds=(0, 1), missing=[(arm, seed) for arm in ARMS for seed in (0, 1)])
    board, paths = leaderboard(ledger.root)
    assert board.finished == 0
    assert "seeds 0, 1 missing" in paths[0].read_text(encoding="utf-8")


def test_a_folder_that_is_no_run_is_an_error(tmp_path):
    with pytest.raises(LedgerError, match="not a run"):
        leaderboard(tmp_path)


@pytest.mark.parametrize(("module", "heavy"), [("run", "torch ray pandas scipy matplotlib"), ("write", "torch ray")])
def test_reporting_loads_neither_torch_nor_ray(module, heavy):
    code = f"import sys, raysat.report.{module}; print(sorted(set({heavy.split()}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
