"""The leaderboard of a run, from its folder to its files."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys

import pytest

from raysat.errors import StorageError
from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.render.run import read_leaderboard, write_leaderboard
from raysat.storage.ledger import Ledger
from tests.helpers.ledger import reseal

ARMS = {"a": (0.9, 0.5, 0.5, 0.4), "b": (0.8, 0.8, 0.8, 0.8)}


def write(run):
    """A run's leaderboard, what is published beside it, and its files."""
    board, replication = read_leaderboard(Ledger.open(run))
    return board, replication, write_leaderboard(board, replication, run)


def test_it_writes_into_the_run(make_run):
    ledger = make_run(ARMS, seeds=(0,), study="quick")
    board, replication, paths = write(ledger.root)
    assert replication is None
    assert [path.parent for path in paths] == [ledger.root] * 3
    before = [path.read_bytes() for path in paths]
    again, _, _ = write(ledger.root)
    assert again == board
    assert [path.read_bytes() for path in paths] == before
    assert json.loads(paths[2].read_text(encoding="utf-8"))["study"] == "quick"


def test_a_run_with_nothing_finished_has_one_too(make_run):
    ledger = make_run(ARMS, seeds=(0, 1), missing=[(arm, seed) for arm in ARMS for seed in (0, 1)])
    board, _, paths = write(ledger.root)
    assert board.finished == 0
    assert "| 0, 1  | missing: not trained yet |" in paths[0].read_text(encoding="utf-8")


def test_a_study_with_a_reference_has_the_published_rows_beside_ours(make_run):
    ledger = make_run({"(1)": ARMS["a"], "(2)": ARMS["b"]}, reference="table2")
    board, replication, paths = write(ledger.root)
    beside = replication.of("(2)", BALANCED_ACCURACY)
    ours = next(arm for arm in board.arms if arm.name == "(2)").metrics[BALANCED_ACCURACY].mean
    assert beside.published == 0.6474
    assert beside.estimate.value == pytest.approx(ours - 0.6474)
    text = paths[0].read_text(encoding="utf-8")
    assert "## Published" in text
    written = json.loads(paths[2].read_text(encoding="utf-8"))
    arm = next(arm for arm in written["arms"] if arm["name"] == "(2)")
    assert arm["minus_published"]["balanced_accuracy"]["low"] == beside.estimate.low
    row = next(csv.DictReader(io.StringIO(paths[1].read_text(encoding="utf-8"))))
    assert float(row["balanced_accuracy_published"]) == 0.6474
    assert float(row["balanced_accuracy_minus_published_high"]) == beside.estimate.high


def test_predictions_that_cannot_be_read_cost_the_comparison_not_the_leaderboard(make_run):
    ledger = make_run({"(1)": ARMS["a"], "(2)": ARMS["b"]}, reference="table2", seeds=(0,))
    for trial in ledger.read_plan().trial_ids:
        reseal(ledger, trial, {"predictions.npz": b"no archive"})
    board, replication, paths = write(ledger.root)
    assert (replication, board.finished) == (None, 2)
    assert "0.6470" in paths[0].read_text(encoding="utf-8")


def test_a_folder_that_is_no_run_is_an_error(tmp_path):
    with pytest.raises(StorageError, match="not a run"):
        read_leaderboard(Ledger.open(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "heavy"), [("run", "torch ray pandas scipy matplotlib"), ("write", "torch ray pandas scipy")]
)
def test_reporting_loads_neither_torch_nor_ray(module, heavy):
    code = f"import sys, raysat.reporting.render.{module}; print(sorted(set({heavy.split()}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
