"""The report for programs: CSV as pandas reads it, JSON with everything."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from raysat.metrics.catalog import BALANCED_ACCURACY, ECE, RECALL
from raysat.report.analysis.analyze import analyze
from raysat.report.render.exports import effects_csv, report_csv, report_json
from tests.helpers.report import GRID, GRID_CONFIGS


@pytest.fixture
def found(make_run):
    ledger = make_run(GRID, seeds=range(3), configs=GRID_CONFIGS, grid=True)
    return analyze([ledger.root], combinations=["loss=ldam,average=swa"])


def test_a_row_per_arm_with_differences_and_their_n(found):
    table = pd.read_csv(io.StringIO(report_csv(found))).set_index("arm")
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


def test_a_row_per_effect(found):
    table = pd.read_csv(io.StringIO(effects_csv(found)))
    assert table["kind"].value_counts().to_dict() == {"main": 2, "interaction": 1, "synergy": 1, "together": 3}
    main = table[table["effect"] == "loss: ldam instead of cross_entropy"].iloc[0]
    assert main["balanced_accuracy"] == found.effects.main[0].estimates[BALANCED_ACCURACY].value
    assert main["balanced_accuracy_n"] == 3


def test_json_has_everything_and_agrees_with_the_predictions(found):
    value = json.loads(report_json(found))
    assert (value["best"], value["baseline"], value["rank_by"]) == (found.best, found.baseline, "balanced_accuracy")
    for arm in value["arms"]:
        rows = [found.predictions.predicted[row] for row in found.predictions.rows[arm["name"]].values()]
        scores = [balanced_accuracy_score(found.predictions.labels, row) for row in rows]
        assert arm["interval"]["balanced_accuracy"]["value"] == pytest.approx(np.mean(scores))
        assert np.sum(arm["confusion"]) == 3 * len(found.predictions.labels)
        assert len(arm["auroc"]["forest"]["values"]) == 3
    assert value["effects"]["balanced"]
    assert sum(share["of_all"] for share in value["effects"]["shares_of_balanced_accuracy"]) == pytest.approx(1)
    assert value["cost"]["planned"] == {"alone": 3000, "shared": 2000}


def test_the_same_run_gives_the_same_bytes(found, tmp_path):
    again = analyze([run.folder for run in found.runs], combinations=["loss=ldam,average=swa"])
    assert report_json(again) == report_json(found)
    assert report_csv(again) == report_csv(found)


def test_a_name_cannot_start_a_formula_and_without_effects_there_is_no_file(make_run):
    found = analyze([make_run({"=cmd()": (0.9,) * 4, "b": (0.5,) * 4}).root])
    assert "'=cmd()" in report_csv(found)
    assert effects_csv(found) is None
    json.loads(report_json(found))


def test_class_names_that_read_the_same_and_formulas_in_them_keep_their_columns(make_run):
    found = analyze([make_run({"a": (0.9,) * 4, "b": (0.5,) * 4}, classes=("=1+1", "y", "y ", "y\n")).root])
    table = pd.read_csv(io.StringIO(report_csv(found)))
    for name in ("=1+1", "y", "y'", "y''"):
        assert {f"recall_{name}_mean", f"recall_{name}_to_best"} <= set(table.columns)
        assert name in json.loads(report_json(found))["arms"][0]["recall"]
