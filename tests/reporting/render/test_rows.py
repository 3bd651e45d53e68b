"""Rows of a report as CSV, as pandas reads it."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from raysat.metrics.catalog import BALANCED_ACCURACY, ECE, RECALL
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.render.frames import make_frame
from raysat.reporting.render.rows import Rows, effects_rows, report_rows, rows_csv, trials_rows


def test_a_row_per_arm_with_differences_and_their_n(found):
    table = pd.read_csv(io.StringIO(rows_csv(report_rows(found)))).set_index("arm")
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
    table = pd.read_csv(io.StringIO(rows_csv(effects_rows(found))))
    assert table["kind"].value_counts().to_dict() == {"main": 2, "interaction": 1, "synergy": 1, "together": 3}
    main = table[table["effect"] == "loss: ldam instead of cross_entropy"].iloc[0]
    assert main["balanced_accuracy"] == found.effects.main[0].estimates[BALANCED_ACCURACY].value
    assert main["balanced_accuracy_n"] == 3


def test_a_name_cannot_start_a_formula_and_without_effects_there_is_no_file(make_run):
    found = analyze([make_run({"=cmd()": (0.9,) * 4, "b": (0.5,) * 4}).root])
    assert "'=cmd()" in rows_csv(report_rows(found))
    assert effects_rows(found) is None
    assert make_frame(trials_rows(found.board)).loc["=cmd()"].index.tolist() == list(range(3))


def test_class_names_that_read_the_same_and_formulas_in_them_keep_their_columns(make_run):
    found = analyze([make_run({"a": (0.9,) * 4, "b": (0.5,) * 4}, classes=("=1+1", "y", "y ", "y\n")).root])
    table = pd.read_csv(io.StringIO(rows_csv(report_rows(found))))
    for name in ("=1+1", "y", "y'", "y''"):
        assert {f"recall_{name}_mean", f"recall_{name}_to_best"} <= set(table.columns)


def test_each_value_reads_as_pandas_would_write_it(found):
    values = {
        "float": 0.1 + 0.2, "tiny": 1e-300, "whole": 3.0, "int": 12_345, "numpy": np.float64(1 / 3), "yes": True,
        "none": None, "nan": float("nan"), "infinite": float("inf"), "comma": "a, b", "quote": 'a "b"', "accent": "é",
    }  # fmt: skip
    rows = Rows(index=("arm",), columns=("int", "later"), rows=[{"arm": "a", **values}, {"arm": "b", "later": 1}])
    first, _, third, end = rows_csv(rows).split("\n")
    assert first.startswith("arm,int,later,float,tiny")
    assert third == "b,,1" + "," * 11
    assert end == ""
    alone = Rows(index=("arm",), rows=[{"arm": "a", **values}])
    assert rows_csv(alone) == make_frame(alone).reset_index().to_csv(index=False, lineterminator="\n")
    for of in (report_rows(found), trials_rows(found.board), effects_rows(found)):
        assert rows_csv(of) == make_frame(of).reset_index().to_csv(index=False, lineterminator="\n")


def test_a_text_is_one_line():
    rows = Rows(index=("arm",), rows=[{"arm": "a\nb\x1b[31m", "sum": "-1+1"}])
    assert rows_csv(rows).splitlines()[1:] == ["a b [31m,'-1+1"]
