"""Frames of a report with typed columns, and Parquet, which gives them back as they were."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score

from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.render.frames import make_frame, to_parquet
from raysat.reporting.render.rows import effects_rows, report_rows, rows_csv, trials_rows


def test_a_row_per_trial_with_its_metrics_as_its_predictions_give_them(found):
    trials = make_frame(trials_rows(found.board))
    assert trials.index.names == ["arm", "seed"]
    assert list(trials.index) == [(arm.name, seed) for arm in found.board.arms for seed in range(3)]
    assert all(dtype == np.float64 for dtype in trials.dtypes)
    labels = found.predictions.labels
    for arm in found.board.arms:
        for seed, row in found.predictions.rows[arm.name].items():
            predicted = found.predictions.predicted[row]
            trial = trials.loc[(arm.name, seed)]
            assert trial["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predicted))
            assert trial["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
            recalls = recall_score(labels, predicted, average=None)
            assert list(trial[[f"recall_{name}" for name in found.board.classes]]) == pytest.approx(list(recalls))
    means = trials.groupby("arm")["balanced_accuracy"].mean()
    assert means.to_dict() == pytest.approx({arm.name: arm.metrics[BALANCED_ACCURACY].mean for arm in found.board.arms})


def test_parquet_gives_a_frame_back_with_its_types_and_index(found):
    for rows in (trials_rows(found.board), report_rows(found), effects_rows(found)):
        frame = make_frame(rows)
        pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(to_parquet(frame))), frame)


def test_columns_have_types_and_what_is_missing_keeps_them(make_run):
    arms = {"a": (0.9, 0.5, 0.5, 0.4), "b": (0.9, 0.9, 0.9, 0.9), "none": (0.5,) * 4}
    run = make_run(arms, missing=[("none", seed) for seed in range(3)])
    frame = make_frame(report_rows(analyze([run.root])))
    assert frame["rank"].tolist() == [1, 2, pd.NA]
    assert [str(frame[name].dtype) for name in ("rank", "n", "icv_mean", "pareto")] == [
        "Int64", "int64", "float64", "boolean",
    ]  # fmt: skip
    trials = make_frame(trials_rows(analyze([run.root]).board))
    assert trials.index.get_level_values("arm").unique().tolist() == ["b", "a"]


def test_the_same_run_gives_the_same_bytes(found):
    again = analyze([run.folder for run in found.runs], combinations=["loss=ldam,average=swa"])
    for of in (report_rows, lambda analysis: trials_rows(analysis.board)):
        assert rows_csv(of(again)) == rows_csv(of(found))
        assert to_parquet(make_frame(of(again))) == to_parquet(make_frame(of(found)))
