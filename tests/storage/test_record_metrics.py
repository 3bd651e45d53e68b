"""The metrics of finished records in one file: the answer is that of reading every record."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from raysat.errors import StorageError
from raysat.files import folder_stamp
from raysat.metrics.confusion import from_confusion
from raysat.storage import record_metrics
from raysat.storage.ledger import Ledger
from raysat.storage.record_metrics import FILE, RecordKind, RecordMetrics, read_metrics
from tests.helpers.ledger import files_of, made_up_record

TRIALS = tuple(f"{number:016x}" for number in range(3))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Three finished trials, no two of the same metrics."""
    ledger = Ledger(tmp_path)
    for hits, trial in enumerate(TRIALS, 1):
        metrics = from_confusion(np.array([[hits, 2], [1, 4]]))
        ledger.write(trial, files_of(made_up_record(trial, metrics={"val": metrics, "test": metrics})))
    return ledger


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The records that are read."""
    read: list[str] = []
    read_record = Ledger.read

    def note(ledger: Ledger, trial: str):
        read.append(trial)
        return read_record(ledger, trial)

    monkeypatch.setattr(Ledger, "read", note)
    return read


def stamps(ledger: Ledger) -> dict[str, str | None]:
    found = {trial: folder_stamp(ledger.root / "trials" / trial) for trial in TRIALS}
    return {trial: None if stamp is None else stamp.text for trial, stamp in found.items()}


def from_records(ledger: Ledger) -> dict[str, RecordMetrics]:
    return {trial: RecordMetrics.of(ledger.read(trial)) for trial in TRIALS}


def test_what_was_read_once_is_not_read_again(ledger: Ledger, read: list[str]) -> None:
    expected, finished = from_records(ledger), stamps(ledger)
    read.clear()
    assert read_metrics(ledger, finished, worth=3) == expected
    assert read == list(TRIALS)
    assert read_metrics(ledger, finished, worth=3) == expected
    assert read == list(TRIALS)


def test_they_are_those_of_the_reported_split(tmp_path: Path) -> None:
    metrics = {"val": from_confusion(np.eye(2, dtype=np.int64)), "test": from_confusion(np.full((2, 2), 3))}
    ledger = Ledger(tmp_path)
    ledger.write(TRIALS[0], files_of(made_up_record(TRIALS[0], metrics=metrics)))
    found = read_metrics(ledger, {TRIALS[0]: None})[TRIALS[0]]
    kind = RecordKind(reported="test", classes=("a", "b"), fingerprint="f")
    assert found == RecordMetrics(kind, metrics["test"])


def test_a_record_that_was_replaced_is_read_again(ledger: Ledger, read: list[str]) -> None:
    read_metrics(ledger, stamps(ledger), worth=3)
    (ledger.root / "trials" / TRIALS[1] / "model.pt").write_bytes(b"other weights")
    read.clear()
    assert read_metrics(ledger, stamps(ledger), worth=1) == from_records(ledger)
    assert read[0] == TRIALS[1]
    assert read.count(TRIALS[0]) == 1  # for what is expected
    read.clear()
    read_metrics(ledger, stamps(ledger))
    assert read == []


def test_what_may_change_unseen_is_not_noted(ledger: Ledger, read: list[str]) -> None:
    read_metrics(ledger, dict.fromkeys(TRIALS), worth=0)
    read.clear()
    read_metrics(ledger, stamps(ledger), worth=4)
    assert read == list(TRIALS)


def test_no_file_is_written_for_a_few_records(ledger: Ledger) -> None:
    read_metrics(ledger, stamps(ledger), worth=4)
    assert not (ledger.root / FILE).exists()


def test_what_is_not_asked_for_is_not_kept(ledger: Ledger) -> None:
    read_metrics(ledger, stamps(ledger), worth=3)
    (ledger.root / "trials" / TRIALS[0] / "model.pt").write_bytes(b"other weights")
    two: Mapping[str, str | None] = {trial: stamp for trial, stamp in stamps(ledger).items() if trial != TRIALS[2]}
    assert list(read_metrics(ledger, two, worth=1)) == list(TRIALS[:2])
    assert json.loads((ledger.root / FILE).read_bytes())["records"].keys() == set(TRIALS[:2])


def _another_format(content: dict) -> None:
    content["format"] = 2


def _another_number_of_classes(content: dict) -> None:
    content["kinds"][0]["classes"].append("c")


def _no_such_kind(content: dict) -> None:
    content["records"][TRIALS[0]][1] = 1


def _no_confusion_of_these_metrics(content: dict) -> None:
    content["records"][TRIALS[0]][2]["n"] += 1


@pytest.mark.parametrize(
    "spoil", [_another_format, _another_number_of_classes, _no_such_kind, _no_confusion_of_these_metrics]
)
def test_a_file_that_does_not_fit_is_written_anew(ledger: Ledger, spoil) -> None:
    file = ledger.root / FILE
    read_metrics(ledger, stamps(ledger), worth=3)
    before = file.read_bytes()
    content = json.loads(before)
    spoil(content)
    file.write_text(json.dumps(content), encoding="utf-8")
    assert read_metrics(ledger, stamps(ledger), worth=3) == from_records(ledger)
    assert file.read_bytes() == before


def test_one_that_would_be_too_large_to_be_read_is_not_written(ledger: Ledger, monkeypatch) -> None:
    monkeypatch.setattr(record_metrics, "_MAX_BYTES", 100)
    assert read_metrics(ledger, stamps(ledger), worth=3) == from_records(ledger)
    assert not (ledger.root / FILE).exists()


def test_one_that_cannot_be_written_costs_time_alone(ledger: Ledger) -> None:
    (ledger.root / FILE).mkdir()
    assert read_metrics(ledger, stamps(ledger), worth=3) == from_records(ledger)


def test_a_damaged_record_is_no_reason_to_lose_the_others(ledger: Ledger) -> None:
    finished = stamps(ledger)
    (ledger.root / "trials" / TRIALS[1] / "record.json").write_bytes(b"{")
    found = read_metrics(ledger, finished, worth=1)
    assert isinstance(found[TRIALS[1]], StorageError)
    assert "record.json cannot be read" in str(found[TRIALS[1]])
    assert json.loads((ledger.root / FILE).read_bytes())["records"].keys() == {TRIALS[0], TRIALS[2]}
