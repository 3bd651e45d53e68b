"""The leaderboard for programs: CSV as pandas reads it, JSON with everything, and its files on disk."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from raysat.errors import StorageError
from raysat.metrics.catalog import BALANCED_ACCURACY, FROM_CONFUSION, PRECISION, RECALL
from raysat.reporting.analysis.collect import collect
from raysat.reporting.render.json import leaderboard_json
from raysat.reporting.render.rows import leaderboard_rows, rows_csv
from raysat.reporting.render.run import write_leaderboard


def test_csv_is_plain_numbers_that_pandas_reads_in_full_precision(board):
    frame = pd.read_csv(io.StringIO(rows_csv(leaderboard_rows(board))))
    assert list(frame.columns[:6]) == [
        "arm",
        "rank",
        "n",
        "n_planned",
        "balanced_accuracy_mean",
        "balanced_accuracy_sd",
    ]
    assert all(np.issubdtype(dtype, np.number) for dtype in frame.drop(columns="arm").dtypes)
    assert list(frame["arm"]) == [arm.name for arm in board.arms]
    assert list(frame["n"]) == [arm.n for arm in board.arms]
    for metric in FROM_CONFUSION:
        assert list(frame[f"{metric.name}_mean"]) == [arm.metrics[metric].mean for arm in board.arms]
        assert list(frame[f"{metric.name}_sd"]) == [arm.metrics[metric].sd for arm in board.arms]
    assert list(frame["recall_forest_mean"]) == [arm.by_class(RECALL)[3].mean for arm in board.arms]
    assert list(frame["precision_crop_grass_sd"]) == [arm.by_class(PRECISION)[0].sd for arm in board.arms]


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=1", "  @x", '=HYPERLINK("http://x")'])
def test_a_name_in_csv_cannot_start_a_formula(make_run, name):
    board = collect(make_run({name: (0.9, 0.5, 0.5, 0.4)}, seeds=(0,)))
    row = next(csv.DictReader(io.StringIO(rows_csv(leaderboard_rows(board)))))
    assert row["arm"] == f"'{name.strip()}"


def test_csv_leaves_what_is_unknown_empty(make_run):
    arms = {"a": (0.9, 0.5, 0.5, 0.4), "b": (0.9, 0.9, 0.9, 0.9)}
    frame = pd.read_csv(
        io.StringIO(rows_csv(leaderboard_rows(collect(make_run(arms, seeds=(0,), missing=[("a", 0)])))))
    ).set_index("arm")
    assert frame.loc["a"].drop(["n", "n_planned"]).isna().all()
    assert np.isnan(frame.loc["b", "icv_sd"])
    assert (frame.loc["a", "n"], frame.loc["a", "n_planned"], frame.loc["b", "rank"]) == (0, 1, 1)


def test_json_holds_every_seed_and_every_reason(board):
    value = json.loads(leaderboard_json(board))
    assert (value["study"], value["reported"], value["n_test"]) == ("table2", "test", 50)
    assert value["data"] == {"name": "demo", "fingerprint": "f" * 32}
    assert value["n_per_class"] == {"crop_grass": 30, "built": 8, "water": 7, "forest": 5}
    assert value["classes"] == list(value["n_per_class"])
    assert value["raysat"]
    assert len(value["arms"]) == 7
    by_name = {arm["name"]: arm for arm in value["arms"]}
    assert by_name["(3)"]["failed"] == [{"seed": 1, "error": "the loss became NaN at epoch 3"}]
    assert by_name["(3)"]["seeds"] == [0, 2]
    assert by_name["(2)"]["missing"] == [2]
    for arm in board.arms:
        found = by_name[arm.name]
        assert found["rank"] == arm.rank
        assert found["balanced_accuracy"]["values"] == list(arm.metrics[BALANCED_ACCURACY].values)
        assert found["recall"]["water"]["mean"] == arm.by_class(RECALL)[2].mean
        assert found["precision"]["built"]["sd"] == arm.by_class(PRECISION)[1].sd


# ---- files


def test_files_are_written_at_once_and_the_same_run_gives_the_same_bytes(board, tmp_path, monkeypatch):
    folder = tmp_path / "reports" / "table2"
    paths = write_leaderboard(board, None, folder)
    assert [path.name for path in paths] == ["leaderboard.md", "leaderboard.csv", "leaderboard.json"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_leaderboard(board, None, folder)] == before

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        write_leaderboard(replace(board, study="changed"), None, folder)
    assert [path.read_bytes() for path in paths] == before
    assert len(list(folder.iterdir())) == 3
