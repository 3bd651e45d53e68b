"""Studies of folds: how they are written, and each mistake as one line."""

from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from raysat.config.yaml_source import parse_yaml
from raysat.errors import StudyError
from raysat.study.folds import Folds, run_name
from raysat.study.load import load_study
from raysat.study.schema import study_schema
from tests.helpers.study import assert_one_error, load


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(study_schema())


@pytest.mark.parametrize(
    ("written", "folds"),
    [
        ("5", Folds(number=5)),
        ("{number: 2}", Folds(number=2)),
        ("{number: 5, block: 10km, buffer: 1km}", Folds(number=5, block=10_000, buffer=1_000)),
        ("{number: 3, block: 250, val: 0.2, seed: 7}", Folds(number=3, block=250, val=0.2, seed=7)),
        ("{number: 3, block: 250, buffer: 30.5}", Folds(number=3, block=250, buffer=30.5)),
        ("{number: 3, buffer: 500 m, val: 0.6}", Folds(number=3, buffer=500, val=0.6)),
    ],
)  # fmt: skip
def test_how_folds_are_written(tmp_path: Path, written: str, folds: Folds) -> None:
    text = f"folds: {written}\n"
    assert load(tmp_path, text).folds == folds
    validator().validate(parse_yaml(text, "study.yaml").value)


def test_a_study_without_folds_has_none(tmp_path: Path) -> None:
    assert load(tmp_path, "seeds: 2\n").folds is None
    assert load_study({"folds": 4}).folds == Folds(number=4)


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("1", "folds must be a whole number from 2 to 100, got 1", "such as folds: 5"),
        ("101", "folds must be a whole number from 2 to 100, got 101", ""),
        ("5.0", "folds must be a whole number", ""),
        ("true", "folds must be a whole number from 2 to 100, got True", ""),
        ("five", "folds must be a whole number from 2 to 100, got 'five'", ""),
        ("[5]", "folds must be a whole number", ""),
        ("", "folds must be a whole number from 2 to 100, got None", ""),
        ("{}", "folds needs number", "such as"),
        ("{block: 10km}", "folds needs number", "such as"),
        ("{number: 1}", "folds.number must be a whole number from 2 to 100, got 1", ""),
        ("{number: '5'}", "folds.number must be a whole number from 2 to 100, got '5'", ""),
        ("{numbers: 5}", "unknown key 'numbers'", "number"),
        ("{number: 5, test: 0.2}", "unknown key 'test'", ""),
        ("{number: 5, block: '10'}", "folds.block must be a length from 1 m to 5,000 km, got '10'", "such as 10km"),
        ("{number: 5, block: 10mi}", "folds.block must be a length", "such as 10km"),
        ("{number: 5, block: 0.5}", "folds.block must be a length from 1 m", ""),
        ("{number: 5, block: .nan}", "folds.block must be a length", ""),
        ("{number: 5, block: true}", "folds.block must be a length", ""),
        ("{number: 5, block: }", "folds.block must be a length", ""),
        ("{number: 5, block: [1km]}", "folds.block must be a length", ""),
        ("{number: 5, buffer: -1}", "folds.buffer must be a length from 0 m", ""),
        ("{number: 5, buffer: 6000km}", "folds.buffer must be a length", ""),
        ("{number: 5, val: 0}", "folds.val must be a number from 0.01 to 0.9, got 0", "0.15"),
        ("{number: 5, val: 15%}", "folds.val must be a number", ""),
        ("{number: 5, val: .inf}", "folds.val must be a number", ""),
        ("{number: 5, val: 0.8}", "folds.val of 0.8 and 1/5 of the patches for test leave nothing", "smaller share"),
        ("{number: 5, seed: -1}", "folds.seed must be a whole number from 0 to 4,294,967,295, got -1", ""),
        ("{number: 5, seed: true}", "folds.seed must be a whole number", ""),
    ],
)
def test_what_is_no_way_to_write_folds(tmp_path: Path, written: str, message: str, hint: str) -> None:
    assert_one_error(tmp_path, f"folds: {written}\n", message, hint)


def test_folds_and_stores_exclude_each_other(tmp_path: Path) -> None:
    message = "folds are of one store, and stores names several"
    assert_one_error(tmp_path, "folds: 5\nstores: [a, b]\n", message, "leave one of the two out")
    with pytest.raises(StudyError, match="'folds' stands within base"):
        load_study({"base": {"folds": 5}})


def test_runs_are_called_after_study_and_fold() -> None:
    assert [run_name("methods", fold) for fold in (1, 12)] == ["methods-fold-1", "methods-fold-12"]
