"""The report of a run, from its folder to its files."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from raysat.errors import LedgerError
from raysat.report.run import report

ARMS = {"a": (0.9, 0.5, 0.5, 0.4), "b": (0.8, 0.8, 0.8, 0.8)}


def test_it_writes_into_the_run_or_under_out_by_the_studys_name(make_run, tmp_path):
    ledger = make_run(ARMS, seeds=(0,), study="quick")
    board, paths = report(ledger.root)
    assert [path.parent for path in paths] == [ledger.root] * 3
    again, elsewhere = report(ledger.root, tmp_path / "reports")
    assert again == board
    assert [path.parent for path in elsewhere] == [tmp_path / "reports" / "quick"] * 3
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in elsewhere]
    assert json.loads(paths[2].read_text(encoding="utf-8"))["study"] == "quick"


def test_a_run_with_nothing_finished_is_reported_too(make_run):
    ledger = make_run(ARMS, seeds=(0, 1), missing=[(arm, seed) for arm in ARMS for seed in (0, 1)])
    board, paths = report(ledger.root)
    assert board.finished == 0
    assert "seeds 0, 1 missing" in paths[0].read_text(encoding="utf-8")


def test_a_folder_that_is_no_run_and_a_study_name_that_leaves_out_are_errors(make_run, tmp_path):
    with pytest.raises(LedgerError, match="not a run"):
        report(tmp_path)
    ledger = make_run(ARMS, seeds=(0,))
    ledger.write_plan("", ledger.read_plan() | {"study": "../../up"})
    with pytest.raises(LedgerError, match="cannot name a folder"):
        report(ledger.root, tmp_path / "reports")


def test_reporting_loads_neither_torch_nor_ray():
    code = "import sys, raysat.report.run; print(sorted({'torch', 'ray', 'pandas', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
