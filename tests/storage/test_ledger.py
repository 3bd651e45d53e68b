"""The ledger: what is written is read again, and what is damaged is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from raysat.errors import StorageError
from raysat.files import safe_name
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from tests.helpers.ledger import ID, everything_under, files_of, files_on_disk, made_up_plan, made_up_record


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runs" / "study")


def test_a_record_is_read_as_it_was_written(ledger):
    record = made_up_record()
    assert not ledger.is_finished(ID)
    assert ledger.finished([ID]) == {}
    ledger.write(ID, files_of(record))
    assert ledger.is_finished(ID)
    assert ledger.finished([ID, "fedcba9876543210"]).keys() == {ID}
    assert ledger.read(ID) == record
    assert everything_under(ledger.root / "trials") == files_on_disk()


@pytest.mark.parametrize(
    "damage",
    [
        lambda trial: (trial / "record.json").write_bytes((trial / "record.json").read_bytes()[:-20]),
        lambda trial: (trial / "record.json").write_bytes(b""),
        lambda trial: (trial / "record.json").write_text(made_up_record("fedcba9876543210").model_dump_json()),
        *(lambda trial, name=name: (trial / name).unlink() for name in files_of(made_up_record())),
    ],
)
def test_a_trial_whose_files_are_damaged_is_not_finished_and_can_be_written_again(ledger, damage):
    ledger.write(ID, files_of(made_up_record(seconds=1.0)))
    trial = ledger.root / "trials" / ID
    damage(trial)
    assert not ledger.is_finished(ID)
    assert ledger.finished([ID]) == {}
    assert ledger.has_record(ID) == (trial / "record.json").is_file()
    ledger.write(ID, files_of(made_up_record(seconds=2.0)))
    assert ledger.is_finished(ID)
    assert ledger.read(ID).seconds == 2.0
    assert everything_under(ledger.root / "trials") == files_on_disk()


def test_whoever_is_first_finishes_a_trial(ledger):
    ledger.write(ID, files_of(made_up_record(seconds=1.0)))
    ledger.write_failure(Failure(id=ID, error="x", time=0))
    ledger.write(ID, files_of(made_up_record(seconds=2.0)))
    assert ledger.read(ID).seconds == 1.0
    assert ledger.read_failure(ID) is None
    assert everything_under(ledger.root / "trials") == files_on_disk()


def test_a_plan_is_read_as_it_was_written_and_makes_the_folder_a_run(ledger):
    with pytest.raises(StorageError, match="not a run"):
        Ledger.open(ledger.root)
    plan = made_up_plan(study="ü")
    ledger.write_plan("study: ü\n", plan)
    assert Ledger.open(ledger.root).read_plan() == plan
    assert (ledger.root / "study.yaml").read_text(encoding="utf-8") == "study: ü\n"
    with pytest.raises(StorageError) as caught:
        Ledger.open(ledger.root.parent)
    assert "holds the runs study" in caught.value.hint


def test_success_clears_an_earlier_failure(ledger):
    failure = Failure(id=ID, error="diverged", hint="lower lr", traceback="Traceback ...", time=1.75e9)
    ledger.write_failure(failure)
    assert ledger.read_failure(ID) == failure
    assert not ledger.is_finished(ID)
    ledger.write(ID, files_of(made_up_record()))
    assert ledger.read_failure(ID) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc/passwd", "a\\b", "-rf", ".hidden", "a\n", "a\0", "ü", "x" * 101]
)
def test_names_that_could_leave_the_folder_are_refused(ledger, name):
    with pytest.raises(StorageError, match="cannot name a folder"):
        safe_name(name, "study")
    for act in (ledger.is_finished, ledger.has_record, ledger.read, ledger.read_failure, ledger.read_predictions):
        with pytest.raises(StorageError):
            act(name)
    with pytest.raises(StorageError):
        ledger.write(name, files_of(made_up_record()))
    with pytest.raises(StorageError):
        ledger.write(ID, {**files_of(made_up_record()), name: b""})
    with pytest.raises(ValidationError):
        Failure(id=name, error="x", time=0)
    assert not ledger.root.parent.exists()


def test_a_trial_without_its_record_is_refused(ledger):
    with pytest.raises(StorageError, match=r"no record\.json"):
        ledger.write(ID, {"model.pt": b""})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b'{"id": "0123', "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"[]", "not a JSON object"),
        (b"{}", "is damaged: id: Field required"),
        (made_up_record().model_dump_json().replace('"epochs":3', '"epochs":"many"').encode(), "damaged: epochs"),
        (made_up_record().model_dump_json().replace('"icv":', '"other":').encode(), "damaged: metrics.test.icv"),
        (made_up_record().model_dump_json().replace('"reported":"test"', '"reported":"dev"').encode(), "no metrics of"),
        (made_up_record("fedcba9876543210").model_dump_json().encode(), "another trial, fedcba9876543210"),
    ],
)
def test_a_damaged_record_is_an_error_that_names_the_file_and_what_to_do(ledger, content, said):
    ledger.write(ID, {"record.json": content})
    with pytest.raises(StorageError, match=r"record\.json") as caught:
        ledger.read(ID)
    assert said in caught.value.message
    assert caught.value.hint == f"delete {ledger.root / 'trials' / ID} and run the study again"


def test_a_damaged_failure_or_plan_names_its_file_alone(ledger):
    ledger.write_failure(Failure(id=ID, error="x", time=0))
    (ledger.root / "failures" / f"{ID}.json").write_text('{"id": 1}')
    (ledger.root / "plan.json").write_text("{")
    for act, name in ((lambda: ledger.read_failure(ID), f"{ID}.json"), (ledger.read_plan, "plan.json")):
        with pytest.raises(StorageError) as caught:
            act()
        assert name in caught.value.message
        assert caught.value.hint.startswith("delete ")
        assert name in caught.value.hint


def test_the_record_on_disk_is_json_that_any_tool_reads(ledger):
    ledger.write(ID, files_of(made_up_record()))
    raw = json.loads((ledger.root / "trials" / ID / "record.json").read_text())
    assert raw["metrics"]["test"]["balanced_accuracy"] == pytest.approx((0.8 + 0.8) / 2)
