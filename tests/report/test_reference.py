"""Published rows: read, checked against themselves, never invented. All numbers here are made up."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.errors import LedgerError, UsageError
from raysat.report.reference import known, load, parse

# Recalls .9 .6 .5 .4: mean .6. F1 per class .9 .6 .5 .4 as precision equals recall there.
ROW = {
    "arm": "(1)",
    "label": "made up",
    "accuracy": 0.7,
    "balanced_accuracy": 0.6,
    "icv": 0.1,
    "icv_root": 0.3162,
    "macro_f1": 0.6,
    "recall": [0.9, 0.6, 0.5, 0.4],
    "precision": [0.9, 0.6, 0.5, 0.4],
}


def text(*rows: dict[str, object]) -> str:
    return json.dumps({"name": "x", "source": "s", "data": "d", "note": "n", "rows": rows})


def test_the_shipped_table_has_its_seven_rows_and_no_invented_number():
    table = load("table2")
    assert {row.arm: row.label for row in table.rows} == {
        "(1)": "cross-entropy, all bands",
        "(2)": "cross-entropy, bands 6-5-2",
        "(3)": "cross-entropy + AugMix",
        "(4)": "LDAM + DRW",
        "(5)": "LDAM + DRW + AugMix",
        "(6)": "LDAM + DRW + CLR + SWA",
        "(7)": "LDAM + DRW + CLR + SWA + AugMix",
    }
    assert "Rawal & Pradhan 2020" in table.source
    assert not table.has_numbers  # the publication was not available: see the file's note
    assert "not available" in table.note
    assert table.row("(5)").label == "LDAM + DRW + AugMix"
    assert table.row("(8)") is None


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
        {"balanced_accuracy": None, "macro_f1": None},
        {"recall": [None, 0.6, 0.5, 0.4], "balanced_accuracy": 0.1, "macro_f1": 0.9},  # cannot be checked
        {"precision": [], "macro_f1": 0.9},
        {"recall": [0.8, 0.8, 0.4, 0.0], "precision": [0.4, 0.8, 0.8, 0.0], "balanced_accuracy": 0.5,
         "macro_f1": 7 / 15},  # F1 by class 8/15, 12/15, 8/15 and 0 for a class never found
    ],
)  # fmt: skip
def test_a_row_that_agrees_with_itself_is_read(change):
    row = parse(text(ROW | change), file="x.json").row("(1)")
    for key, value in (ROW | change).items():
        assert getattr(row, key) == (tuple(value) if isinstance(value, list) else value)


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
    with pytest.raises(LedgerError) as caught:
        parse(text(ROW | {"arm": "(0)"}, ROW | change), file="x.json")
    assert caught.value.message.startswith("x.json: row '(1)'")
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "x.json: file: Invalid JSON"),
        (text({"arm": "(1)"}), "rows.0.label: Field required"),
        (text(ROW | {"accuracy": 71.0}), "rows.0.accuracy: Input should be less than or equal to 1"),
        (text(ROW | {"f1": 0.5}), "rows.0.f1: Extra inputs"),
        (text(ROW, ROW), "row '(1)' stands twice"),
    ],
)
def test_a_damaged_file_is_refused(content, said):
    with pytest.raises(LedgerError) as caught:
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


def test_table1_has_the_one_row_that_is_known_with_its_swapped_columns_put_right() -> None:
    rows = {row.arm: row for row in load("table1").rows}
    assert len(rows) == 9
    assert (rows["(4)"].balanced_accuracy, rows["(4)"].icv_root) == (0.6406, 0.2076)
    assert [arm for arm, row in rows.items() if row.has_numbers] == ["(4)"]
    assert "swap" in load("table1").note
