"""Frames of a report, and their files: CSV as pandas reads it, Parquet as it was."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score

from raysat.metrics.catalog import BALANCED_ACCURACY, ECE, RECALL
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.render.frames import effects_frame, report_frame, to_csv, to_parquet, trials_frame
from tests.helpers.report import GRID, GRID_CONFIGS


@pytest.fixture
def found(make_run):
    ledger = make_run(GRID, seeds=range(3), configs=GRID_CONFIGS, grid=True)
    return analyze([ledger.root], combinations=["loss=ldam,average=swa"])


def test_a_row_per_arm_with_differences_and_their_n(found):
    table = pd.read_csv(io.StringIO(to_csv(report_frame(found)))).set_index("arm")
    assert list(table.index) == [arm.name for arm in found.board.arms]
    for arm in found.board.arms:
        each = found.to_best.get(arm.name, {}).get(RECALL.of_class(2))
        if each is None:
            assert np.isnan(table.loc[arm.name, "recall_water_to_best"])
        else:
            row = table.loc[arm.name]
            assert row["recall_water_to_best"] == each.value
            assert (row["recall_water_to_best_low"], row["recall_water_to_best_high"]) == (each.low, each.high)
            assert (row["recall_water_to_best_p"], row["recall_water_to_best_n"]) == (each.p, each.n)
        assert table.loc[arm.name, "tied_with_best"] == (arm.name in found.tied)
        assert table.loc[arm.name, "ece_mean"] == pytest.approx(arm.metrics[ECE].mean)


def test_a_row_per_trial_with_its_metrics_as_its_predictions_give_them(found):
    trials = trials_frame(found.board)
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
    for frame in (trials_frame(found.board), report_frame(found), effects_frame(found)):
        pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(to_parquet(frame))), frame)


def test_columns_have_types_and_what_is_missing_keeps_them(make_run):
    arms = {"a": (0.9, 0.5, 0.5, 0.4), "b": (0.9, 0.9, 0.9, 0.9), "none": (0.5,) * 4}
    run = make_run(arms, missing=[("none", seed) for seed in range(3)])
    frame = report_frame(analyze([run.root]))
    assert frame["rank"].tolist() == [1, 2, pd.NA]
    assert [str(frame[name].dtype) for name in ("rank", "n", "icv_mean", "pareto")] == [
        "Int64", "int64", "float64", "boolean",
    ]  # fmt: skip
    assert trials_frame(analyze([run.root]).board).index.get_level_values("arm").unique().tolist() == ["b", "a"]


def test_a_row_per_effect(found):
    table = pd.read_csv(io.StringIO(to_csv(effects_frame(found))))
    assert table["kind"].value_counts().to_dict() == {"main": 2, "interaction": 1, "synergy": 1, "together": 3}
    main = table[table["effect"] == "loss: ldam instead of cross_entropy"].iloc[0]
    assert main["balanced_accuracy"] == found.effects.main[0].estimates[BALANCED_ACCURACY].value
    assert main["balanced_accuracy_n"] == 3


def test_the_same_run_gives_the_same_bytes(found):
    again = analyze([run.folder for run in found.runs], combinations=["loss=ldam,average=swa"])
    for frame in (report_frame, lambda analysis: trials_frame(analysis.board)):
        assert to_csv(frame(again)) == to_csv(frame(found))
        assert to_parquet(frame(again)) == to_parquet(frame(found))


def test_a_name_cannot_start_a_formula_and_without_effects_there_is_no_file(make_run):
    found = analyze([make_run({"=cmd()": (0.9,) * 4, "b": (0.5,) * 4}).root])
    assert "'=cmd()" in to_csv(report_frame(found))
    assert effects_frame(found) is None
    assert trials_frame(found.board).loc["=cmd()"].index.tolist() == list(range(3))


def test_class_names_that_read_the_same_and_formulas_in_them_keep_their_columns(make_run):
    found = analyze([make_run({"a": (0.9,) * 4, "b": (0.5,) * 4}, classes=("=1+1", "y", "y ", "y\n")).root])
    table = pd.read_csv(io.StringIO(to_csv(report_frame(found))))
    for name in ("=1+1", "y", "y'", "y''"):
        assert {f"recall_{name}_mean", f"recall_{name}_to_best"} <= set(table.columns)
