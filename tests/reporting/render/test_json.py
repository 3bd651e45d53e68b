"""A report as JSON: everything, as the predictions give it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.model import MetricSummary
from raysat.reporting.render.json import leaderboard_json, report_json


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


def test_the_same_run_gives_the_same_bytes(found):
    again = analyze([run.folder for run in found.runs], combinations=["loss=ldam,average=swa"])
    assert report_json(again) == report_json(found)


def test_class_names_that_read_the_same_keep_their_keys_and_a_run_without_effects_can_be_written(make_run):
    found = analyze([make_run({"a": (0.9,) * 4, "b": (0.5,) * 4}, classes=("=1+1", "y", "y ", "y\n")).root])
    assert list(json.loads(report_json(found))["arms"][0]["recall"]) == ["=1+1", "y", "y'", "y''"]


def test_what_is_not_finite_is_null_and_every_text_is_ascii(make_run):
    board = collect(make_run({"a\x9b": (0.9,) * 4, "b": (0.5,) * 4}))
    first, second = board.arms
    odd = replace(first, metrics={**first.metrics, BALANCED_ACCURACY: MetricSummary(values=(math.nan, math.inf))})
    text = leaderboard_json(replace(board, arms=(odd, second)))
    assert text.isascii()
    assert text.replace("\n", "").isprintable()
    assert json.loads(text)["arms"][0]["balanced_accuracy"] == {"mean": None, "sd": None, "values": [None, None]}
    assert json.loads(text)["arms"][1]["name"] == second.name


def test_what_a_paper_found_stands_beside_what_we_find(make_run, table2):
    found = analyze([make_run(table2, reference="table2").root])
    value = json.loads(report_json(found))
    assert found.replication is not None
    wanted = [(each.finding.key, each.verdict) for each in found.replication.findings]
    assert [(each["key"], each["verdict"]) for each in value["findings_of_the_paper"]] == wanted
    compared = value["findings_of_the_paper"][0]["comparisons"][0]
    assert compared.keys() == {"of", "minus", "measure", "expected", "published", "ours", "verdict"}
    row = next(arm for arm in value["arms"] if arm["published"])
    minus = row["minus_published"]["balanced_accuracy"]
    assert minus["value"] == pytest.approx(
        row["interval"]["balanced_accuracy"]["value"] - row["published"]["balanced_accuracy"]
    )
    assert isinstance(row["published"]["methods"]["model"], str)
