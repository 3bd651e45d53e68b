"""Collecting and ranking: every cell is accounted for, and one rule orders the arms."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.errors import StorageError, UsageError
from raysat.formatting import one_line
from raysat.metrics.catalog import (
    ACCURACY,
    BALANCED_ACCURACY,
    FROM_CONFUSION,
    ICV,
    MACRO_F1,
    PRECISION,
    RECALL,
    Metric,
)
from raysat.metrics.confusion import from_confusion
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.model import Arm, Leaderboard, MetricSummary
from raysat.reporting.analysis.ranking import rank
from raysat.storage.index import RecordIndex
from raysat.storage.ledger import Ledger
from raysat.storage.record_metrics import FILE
from raysat.storage.records import Failure
from tests.helpers.ledger import edit_plan, reseal

ARMS = {"plain": (0.9, 0.5, 0.5, 0.4), "ldam": (0.8, 0.8, 0.8, 0.7)}


def arm(name: str, *values: tuple[float, float, float]) -> Arm:
    """An arm with these (balanced accuracy, ICV, macro F1), one triple a seed."""
    metrics = dict.fromkeys(FROM_CONFUSION, MetricSummary(values=()))
    for position, metric in enumerate((BALANCED_ACCURACY, ICV, MACRO_F1)):
        metrics[metric] = MetricSummary(values=tuple(triple[position] for triple in values))
    seeds = tuple(range(len(values)))
    return Arm(name=name, seeds=seeds, failed=(), missing=(), metrics=metrics)


def test_an_arms_values_are_mean_and_sample_sd_of_its_seeds_metrics(make_run):
    ledger = make_run(ARMS, seeds=(0, 1, 2, 3))
    board = collect(ledger)
    assert (board.study, board.data, board.reported, board.n_test) == ("table2", "demo", "test", 50)
    assert board.support == (30, 8, 7, 5)
    for row in board.arms:
        ids = next(arm.trials for arm in ledger.read_plan().arms if arm.name == row.name)
        found = [ledger.read_predictions(trial.id).metrics() for trial in ids]  # from the predictions, not the records
        assert (row.n, row.n_planned, row.seeds) == (4, 4, (0, 1, 2, 3))
        for metric in FROM_CONFUSION:
            values = [getattr(metrics, metric.name) for metrics in found]
            assert row.metrics[metric].values == tuple(values)
            assert row.metrics[metric].mean == pytest.approx(np.mean(values))
            assert row.metrics[metric].sd == pytest.approx(np.std(values, ddof=1))
        for k in range(4):
            assert row.by_class(RECALL)[k].mean == pytest.approx(np.mean([metrics.recall[k] for metrics in found]))
            assert row.by_class(PRECISION)[k].sd == pytest.approx(
                np.std([metrics.precision[k] for metrics in found], ddof=1)
            )


def test_one_seed_has_no_sd(make_run):
    row = collect(make_run(ARMS, seeds=(7,))).arms[0]
    assert row.seeds == (7,)
    assert row.metrics[ICV].mean is not None
    assert row.metrics[ICV].sd is None


def test_failed_and_missing_cells_are_kept_with_their_reason(make_run):
    ledger = make_run(
        ARMS,
        failed={("ldam", 1): "loss became\n  NaN\x1b[31m at\tepoch 3", ("ldam", 2): " "},
        missing=[("plain", 0), ("plain", 2)],
    )
    rows = {row.name: row for row in collect(ledger).arms}
    assert [(cell.seed, cell.error) for cell in rows["ldam"].failed] == [
        (1, r"loss became NaN\x1b[31m at epoch 3"),
        (2, "no reason recorded"),
    ]
    assert (rows["ldam"].seeds, rows["ldam"].missing, rows["ldam"].n_planned) == ((0,), (), 3)
    assert (rows["plain"].seeds, rows["plain"].missing, rows["plain"].failed) == ((1,), (0, 2), ())


def test_a_success_outranks_an_earlier_failure(make_run):
    ledger = make_run(ARMS, seeds=(0,))
    trial = ledger.read_plan().arms[0].trials[0].id
    ledger.write_failure(Failure(id=trial, error="spot worker lost", time=0))
    assert collect(ledger).arms[0].failed == ()


def test_a_run_with_nothing_finished_lists_every_cell(make_run):
    everything = [(name, seed) for name in ARMS for seed in range(3)]
    board = collect(make_run(ARMS, missing=everything))
    assert (board.finished, board.planned, board.n_test, board.support) == (0, 6, None, None)
    assert [(row.name, row.rank, row.missing) for row in board.arms] == [
        ("plain", None, (0, 1, 2)),
        ("ldam", None, (0, 1, 2)),
    ]
    assert board.arms[0].metrics[ACCURACY].mean is None


def test_arms_that_share_a_trial_both_show_it(make_run):
    ledger = make_run(ARMS, seeds=(0,))
    edit_plan(ledger, lambda plan: plan["arms"].append({"name": "again", "trials": plan["arms"][0]["trials"]}))
    board = collect(ledger)
    assert [row.name for row in board.arms] == ["ldam", "plain", "again"]  # equal in all: the study's order
    assert board.arms[1].metrics == board.arms[2].metrics


def damage_classes(record):
    record["classes"] = ["a", "b", "c", "d"]


def damage_split(record):
    record["metrics"]["val"] = record["metrics"]["test"]
    record["reported"] = "val"


def damage_data(record):
    record["data"]["fingerprint"] = "0" * 32


def damage_metrics(record):
    del record["metrics"]["test"]["icv"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_classes, "other classes: a, b, c, d"),
        (damage_split, "reports the val split, not test"),
        (damage_data, "other data"),
        (damage_metrics, "record.json is damaged: metrics.test.icv"),
    ],
)
def test_a_record_that_cannot_be_used_counts_as_failed_and_spares_the_others(make_run, damage, said):
    ledger = make_run(ARMS)
    trial = ledger.read_plan().arms[1].trials[2].id
    file = ledger.root / "trials" / trial / "record.json"
    record = json.loads(file.read_text())
    damage(record)
    reseal(ledger, trial, {"record.json": json.dumps(record).encode()})
    board = collect(ledger)
    row = next(row for row in board.arms if row.name == "ldam")
    assert (row.seeds, [cell.seed for cell in row.failed]) == ((0, 1), [2])
    assert said in row.failed[0].error
    assert board.finished == 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plan: plan.pop("classes"), "classes: Field required"),
        (lambda plan: plan.update(classes=[]), "classes"),
        (lambda plan: plan["arms"][1]["trials"][0].pop("id"), "arms.1.trials.0.id: Field required"),
        (lambda plan: plan["arms"][0]["trials"][0].update(id="../../etc"), "arms.0.trials.0.id: String should match"),
    ],
)
def test_a_damaged_plan_is_an_error(make_run, change, said):
    ledger = make_run(ARMS, seeds=(0,))
    edit_plan(ledger, change)
    with pytest.raises(StorageError, match=r"plan\.json is damaged") as caught:
        collect(ledger)
    assert said in caught.value.message


def test_an_unknown_reference_is_a_usage_error(make_run):
    with pytest.raises(UsageError, match="unknown reference 'table3'") as caught:
        collect(make_run(ARMS, seeds=(0,), reference="table3"))
    assert caught.value.hint == "did you mean 'table2'?"


def test_a_class_without_patches_has_no_recall(make_run, tmp_path: Path):
    ledger: Ledger = make_run(ARMS, seeds=(0,))
    trial = ledger.read_plan().arms[0].trials[0].id
    record = ledger.read(trial)
    absent = from_confusion(np.diag([5, 0, 3, 2]))
    changed = record.model_copy(update={"metrics": {"test": absent}})
    reseal(ledger, trial, {"record.json": changed.model_dump_json().encode()})
    row = collect(ledger).arms[0]
    assert row.name == "plain"
    assert [summary.mean for summary in row.by_class(RECALL)] == [1.0, None, 1.0, 1.0]


# ---- ranking


def test_ranking_is_by_balanced_accuracy_then_icv_then_f1_then_the_studys_order():
    arms = [
        arm("unfinished"),
        arm("last"),
        arm("f: as e", (0.6, 0.1, 0.5)),
        arm("e: as c, lower F1", (0.6, 0.1, 0.5)),
        arm("c: as b, higher ICV", (0.6, 0.1, 0.7)),
        arm("a: best", (0.9, 0.9, 0.1), (0.5, 0.9, 0.1)),
        arm("b: lower ICV", (0.6, 0.05, 0.1)),
    ]
    ranked = rank(arms)
    assert [row.name for row in ranked] == [
        "a: best",
        "b: lower ICV",
        "c: as b, higher ICV",
        "f: as e",
        "e: as c, lower F1",
        "unfinished",
        "last",
    ]
    assert [row.rank for row in ranked] == [1, 2, 3, 4, 5, None, None]


triples = st.tuples(*[st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7])] * 3)


@given(st.lists(st.lists(triples, max_size=3), max_size=7))
def test_ranking_keeps_every_arm_and_never_puts_a_worse_one_first(values):
    arms = [arm(str(position), *seeds) for position, seeds in enumerate(values)]
    ranked = rank(arms)
    assert sorted(row.name for row in ranked) == sorted(row.name for row in arms)
    shared = min((row.n for row in ranked if row.n), default=0)  # arms have seeds 0, 1 ... and planned no more

    def mean(row: Arm, metric: Metric) -> float:
        return fmean(row.metrics[metric].values[:shared])

    for better, worse in itertools.pairwise(ranked):
        assert not better.short
        if not better.n:
            assert not worse.n
        elif worse.n:
            a, b = mean(better, BALANCED_ACCURACY), mean(worse, BALANCED_ACCURACY)
            assert a >= b
            if a == b:
                assert mean(better, ICV) <= mean(worse, ICV)


@given(st.permutations([0.1, 0.7, 0.3, 1 / 3, 0.123456789]))
def test_the_order_of_seeds_does_not_change_a_mean_in_the_last_bit(values):
    assert MetricSummary(values=tuple(values)).mean == MetricSummary(values=tuple(sorted(values))).mean


@given(st.text(max_size=1000))
def test_one_line_is_printable_and_bounded(text):
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 300
    assert line == line.strip()
    assert one_line(line) == line


def test_a_board_from_the_file_of_metrics_is_that_of_the_records(make_run):
    ledger = make_run(ARMS, seeds=range(30))
    later = RecordIndex(ledger.root, ledger.root / "trials", clock=lambda: time.time() + 10)
    expected = rows_of(collect(ledger))
    assert not (ledger.root / FILE).exists()  # its records were written a moment ago
    ledger.index = later
    assert rows_of(collect(ledger)) == expected
    metrics = json.loads((ledger.root / FILE).read_bytes())
    assert len(metrics["records"]) == 60
    assert rows_of(collect(ledger)) == expected
    first = collect(ledger).arms[0]
    metrics["records"][first.sources[0].trial][2]["icv"] = 0.5
    (ledger.root / FILE).write_text(json.dumps(metrics), encoding="utf-8")
    assert 0.5 in next(arm for arm in collect(ledger).arms if arm.name == first.name).metrics[ICV].values  # it is read


def rows_of(board: Leaderboard) -> list[Arm]:
    return [replace(arm, sources=()) for arm in board.arms]
