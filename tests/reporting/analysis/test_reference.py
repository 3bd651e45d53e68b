"""Published rows and findings: read, and checked against themselves. Numbers of rows called "made up" are."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.errors import StorageError, UsageError
from raysat.reporting.analysis.reference import known, load, parse
from raysat.reporting.analysis.replication import SIMILAR

# Recalls .9 .6 .5 .4: mean .6. F1 per class .9 .6 .5 .4 as precision equals recall there.
ROW = {
    "arm": "(1)",
    "label": "made up",
    "methods": {"model": "resnet18", "bands": "all", "loss": "ldam", "drw": False, "clr": False, "swa": False},
    "accuracy": 0.7,
    "balanced_accuracy": 0.6,
    "icv": 0.1,
    "icv_root": 0.3162,
    "macro_f1": 0.6,
    "recall": [0.9, 0.6, 0.5, 0.4],
    "precision": [0.9, 0.6, 0.5, 0.4],
}


def text(*rows: dict[str, object], **more: object) -> str:
    return json.dumps({"name": "x", "source": "s", "data": "d", "classes": ["a"], "note": "n", "rows": rows, **more})


def test_the_shipped_tables_have_all_sixteen_printed_rows():
    table1, table2 = load("table1"), load("table2")
    assert [row.arm for row in table1.rows] == ["(1)", "(2)", "(3)", "(4)", "(5)", "(6)", "(7)", "(8) $", "(9) $"]
    assert [row.arm for row in table2.rows] == [f"({k})" for k in range(1, 8)]
    assert "Rawal & Pradhan 2020" in table2.source
    assert table2.row("(5)").label == "LDAM + DRW + AugMix"
    assert table2.row("(8)") is None
    for row in table1.rows:
        assert row.icv_root is not None
        assert row.icv is None  # the root is what the paper prints
    for row in table2.rows:
        assert len(row.recall) == len(row.precision) == len(table2.classes) == 4


def test_the_swapped_columns_of_table_1_are_put_right():
    """In every row balanced accuracy is above .6 and intra-class variance below .46; in print row (3) is not."""
    rows = {row.arm: row for row in load("table1").rows}
    assert (rows["(3)"].balanced_accuracy, rows["(3)"].icv_root) == (0.6406, 0.2076)
    assert min(row.balanced_accuracy for row in rows.values()) > 0.6
    assert max(row.icv_root for row in rows.values()) < 0.46
    assert "swaps" in load("table1").note


@pytest.mark.parametrize("row", load("table2").rows, ids=lambda row: row.arm)
def test_table_2_follows_from_its_recalls_and_precisions(row):
    """By formulas written anew: mean recall, mean of harmonic means, squared deviations from accuracy."""
    recall, precision = np.array(row.recall), np.array(row.precision)
    assert row.balanced_accuracy == pytest.approx(recall.mean(), abs=1e-4)
    assert row.macro_f1 == pytest.approx((2 / (1 / recall + 1 / precision)).mean(), abs=1e-4)
    assert row.icv == pytest.approx(((row.accuracy - recall) ** 2).sum(), abs=1e-12)
    assert row.icv_root == pytest.approx(np.linalg.norm(row.accuracy - recall), abs=1e-12)


def test_accuracy_of_table_2_lies_between_its_recalls_weighted_by_the_datas_class_shares():
    """Shares of about 60/16/15/9 % (to 1.5 points) give each printed accuracy: the recalls are in class order."""
    for row in load("table2").rows:
        assert np.dot(row.recall, (0.60, 0.16, 0.15, 0.09)) == pytest.approx(row.accuracy, abs=0.015)


def test_every_shipped_reference_loads_and_calls_itself_by_its_file():
    assert "table2" in known()
    for name in known():
        assert load(name).name == name


@pytest.mark.parametrize(
    ("name", "hint"), [("tabel2", "did you mean 'table2'?"), ("zz", "known references: table1, table2")]
)
def test_an_unknown_name_is_a_usage_error_with_near_names(name, hint):
    with pytest.raises(UsageError, match="unknown reference") as caught:
        load(name)
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", ["../published/table2", "/etc/passwd", "", "table2.json"])
def test_a_name_cannot_leave_the_package(name):
    with pytest.raises(UsageError):
        load(name)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"balanced_accuracy": 0.6005, "macro_f1": 0.5995},  # to the tolerance
        {"macro_f1": None},
        {"recall": [], "precision": [], "balanced_accuracy": 0.1, "macro_f1": 0.9},  # cannot be checked
        {"precision": [], "macro_f1": 0.9},
        {"recall": [0.8, 0.8, 0.4, 0.0], "precision": [0.4, 0.8, 0.8, 0.0], "balanced_accuracy": 0.5,
         "macro_f1": 7 / 15},  # F1 by class 8/15, 12/15, 8/15 and 0 for a class never found
    ],
)  # fmt: skip
def test_a_row_that_agrees_with_itself_is_read(change):
    row = parse(text(ROW | change), file="x.json").row("(1)")
    assert row.methods.model_dump(exclude_unset=True) == ROW["methods"]
    for key, value in (ROW | change).items():
        assert key == "methods" or getattr(row, key) == (tuple(value) if isinstance(value, list) else value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"balanced_accuracy": 0.6006}, "balanced_accuracy is given as 0.6006, its per-class values give 0.6000"),
        ({"balanced_accuracy": 0.5994}, "balanced_accuracy"),
        ({"macro_f1": 0.6006}, "macro_f1 is given as 0.6006, its per-class values give 0.6000"),
        ({"macro_f1": 0.5994}, "macro_f1"),
        ({"precision": [0.4, 0.6, 0.5, 0.9]}, "macro_f1"),
        ({"recall": [0.9, 0.6, 0.5]}, "3 recalls, 4 precisions"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused_naming_file_and_row(change, said):
    with pytest.raises(StorageError) as caught:
        parse(text(ROW | {"arm": "(0)"}, ROW | change), file="x.json")
    assert caught.value.message.startswith("x.json: row '(1)'")
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "x.json cannot be read: Invalid JSON"),
        (text({"arm": "(1)"}), "rows.0.label: Field required"),
        (text(ROW | {"accuracy": 71.0}), "rows.0.accuracy: Input should be less than or equal to 1"),
        (text(ROW | {"f1": 0.5}), "rows.0.f1: Extra inputs"),
        (text(ROW, ROW), "row '(1)' appears twice"),
    ],
)
def test_a_damaged_file_is_refused(content, said):
    with pytest.raises(StorageError) as caught:
        parse(content, file="x.json")
    assert said in caught.value.message


shares = st.lists(st.floats(0, 1), min_size=2, max_size=6)


@given(shares, shares)
def test_true_metrics_printed_with_four_digits_are_never_refused(recall, precision):
    n = min(len(recall), len(precision))
    recall, precision = recall[:n], precision[:n]
    f1 = [0.0 if p * r == 0 else 2 / (1 / p + 1 / r) for p, r in zip(precision, recall, strict=True)]
    true = {"balanced_accuracy": sum(recall) / n, "macro_f1": sum(f1) / n, "recall": recall, "precision": precision}
    printed = {
        key: [round(item, 4) for item in value] if isinstance(value, list) else round(value, 4)
        for key, value in true.items()
    }
    parse(text(ROW | printed), file="x.json")


@pytest.mark.parametrize("name", known())
def test_every_finding_agrees_with_the_rows_that_the_paper_drew_it_from(name):
    table = load(name)
    assert table.findings
    for finding in table.findings:
        for each in finding.comparisons:
            of, minus = (table.row(arm).measure(each.measure, 0) for arm in (each.of, each.minus))
            difference = of - minus
            agrees = {"higher": difference > 0, "lower": difference < 0, "similar": abs(difference) <= SIMILAR}
            assert agrees[each.expected], (finding.key, each)


def test_measures_of_majority_and_rare_classes():
    row = parse(text(ROW), file="x.json").row("(1)")
    assert row.measure("rare_recall", 0) == pytest.approx(0.5)
    assert row.measure("majority_gap", 0) == pytest.approx(0.4)
    assert row.measure("majority_gap", 3) == pytest.approx(0.4 - 2 / 3)
    assert row.measure("icv_root", 0) == 0.3162
    assert (
        parse(text(ROW | {"recall": [], "precision": []}), file="x.json").row("(1)").measure("rare_recall", 0) is None
    )


def test_a_finding_about_a_row_that_is_not_there_is_refused():
    comparison = {"of": "(1)", "minus": "(2)", "measure": "icv_root", "expected": "lower"}
    finding = {"key": "a", "text": "t", "comparisons": [comparison]}
    with pytest.raises(StorageError, match=r"finding 'a' compares '\(2\)', which is no row"):
        parse(text(ROW, findings=[finding]), file="x.json")
