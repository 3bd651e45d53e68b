"""Evaluations of a run: written whole, read typed, verified, collected and copied with it, on disks and in buckets."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from raysat.errors import FormatError, StorageError
from raysat.files import AnyPath, ObjectPath
from raysat.storage.copying import copy_run
from raysat.storage.evaluations import (
    PREDICTIONS,
    VALIDATION,
    Corrupted,
    EvaluationRecord,
    Evaluations,
    OtherData,
    Subject,
    Temperature,
)
from raysat.storage.garbage import collect_run
from raysat.storage.ledger import Ledger
from raysat.storage.predictions import decode_predictions, encode_predictions
from raysat.storage.sealed import SUMS, encode_sums
from raysat.storage.verify import verify
from tests.helpers.ledger import made_up_plan, reseal, whole_files

A, B = "a" * 16, "b" * 16
WEIGHTS = hashlib.sha256(b"weights").hexdigest()  # of the made-up trial
HAZE = Corrupted(corruption="haze", severity=3, version=1)
SUBJECTS = [
    HAZE,
    OtherData(store="there", fingerprint="0123456789abcdef", split="test"),
    Temperature(temperature=1.5, halved=False, fitted_to=20, nll_before=0.7, nll_after=0.6),
]


def record_of(subject: Subject, trial: str = A, **changes) -> EvaluationRecord:
    values = {
        "trial": trial,
        "weights": WEIGHTS,
        "subject": subject,
        "data": "f",
        "n": 4,
        "seconds": 1.0,
        "ended": 1.75e9,
        "versions": {},
    }
    return EvaluationRecord(**(values | changes))


def predictions(seed: int = 0) -> bytes:
    p = np.random.default_rng(seed).uniform(0.1, 0.9, 4).astype(np.float32)
    return encode_predictions(np.array([0, 1, 1, 0]), np.stack([p, 1 - p], axis=1), np.arange(4))


@pytest.fixture(name="place", params=["disk", "bucket"])
def _place(request: pytest.FixtureRequest, tmp_path: Path, bucket: ObjectPath) -> AnyPath:
    return tmp_path / "runs" if request.param == "disk" else bucket / "runs"


def run_of(place: AnyPath, *evaluated: str) -> Ledger:
    ledger = Ledger(place / "s")
    arms = [{"name": "a", "trials": [{"seed": 0, "id": A}]}]
    ledger.write_plan("study: s\n", made_up_plan(arms=arms))
    ledger.write(A, whole_files(A))
    for trial in evaluated:
        for subject in SUBJECTS:
            files = {
                PREDICTIONS: predictions(),
                **({VALIDATION: predictions(1)} if subject.kind == "temperature" else {}),
            }
            Evaluations(ledger.root).write(record_of(subject, trial), files)
    return ledger


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.kind)
def test_what_is_written_is_read(place: AnyPath, subject: Subject) -> None:
    kept = Evaluations(place / "s")
    assert not kept.has(subject.name, A)
    assert kept.names() == ()
    kept.write(record_of(subject), {PREDICTIONS: predictions()})
    assert kept.names() == (subject.name,)
    assert kept.trials(subject.name) == (A,)
    assert kept.has(subject.name, A)
    assert kept.read(subject.name, A) == record_of(subject)
    assert kept.read_predictions(subject.name, A).labels.tolist() == [0, 1, 1, 0]
    assert kept.damage(subject.name, A) is None
    with pytest.raises(StorageError, match=r"validation\.npz cannot be read"):
        kept.read_predictions(subject.name, A, VALIDATION)


def test_a_newer_one_replaces_an_older_one(place: AnyPath) -> None:
    kept = Evaluations(place / "s")
    for version in (1, 2):
        subject = Corrupted(corruption="haze", severity=3, version=version)
        kept.write(record_of(subject), {PREDICTIONS: predictions(version)})
    assert kept.read("haze-3", A).subject == subject
    newest = decode_predictions(predictions(2)).probabilities
    np.testing.assert_array_equal(kept.read_predictions("haze-3", A).probabilities, newest)


@pytest.mark.slow
def test_verify_and_gc_leave_whole_ones_alone_and_find_the_others(place: AnyPath) -> None:
    run = run_of(place, A, B)
    found = verify(run)
    assert not found.wrong
    assert {(each.kind, each.path.name) for each in found.findings} == {("orphan", B)}
    assert len(found.findings) == len(SUBJECTS)
    kept = Evaluations(run.root)
    collect_run(run, delete=True)
    assert all(kept.has(subject.name, trial) for subject in SUBJECTS for trial in (A, B))
    collect_run(run, orphans=True, delete=True)
    assert [kept.trials(subject.name) for subject in SUBJECTS] == [(A,)] * 3
    assert not verify(run).findings


def test_a_damaged_one_is_found_and_deleted(tmp_path: Path) -> None:
    run = run_of(tmp_path, A)
    folder = tmp_path / "s" / "evaluations"
    (folder / "haze-3" / A / PREDICTIONS).write_bytes(b"broken")
    (folder / "temperature" / f".{A}-00000000.partial").mkdir()
    found = {(each.kind, each.path.parent.name) for each in verify(run).wrong}
    assert found == {("damaged", "haze-3"), ("leftover", "temperature")}
    assert Evaluations(run.root).damage("haze-3", A) is not None
    collect_run(run, delete=True)
    assert not verify(run).wrong
    assert not (folder / "haze-3" / A).exists()
    assert (folder / "temperature" / A).is_dir()
    assert run.is_finished(A)


def trained_again(run: Ledger) -> None:
    """Replace the weights of a trial, as when its folder is deleted and the study run again on another machine."""
    reseal(run, A, {"model.pt": b"other weights"})


def test_what_other_weights_or_an_older_corruption_gave_is_outdated(tmp_path: Path) -> None:
    run = run_of(tmp_path, A)
    record = Evaluations(run.root).read("haze-3", A)
    assert record.is_current(run.weights_digest(A))
    older = Corrupted(corruption="haze", severity=3, version=0)
    assert not record_of(older).is_current(WEIGHTS)
    assert not record_of(Corrupted(corruption="fog", severity=3, version=1)).is_current(WEIGHTS)
    trained_again(run)
    assert not record.is_current(run.weights_digest(A))
    assert {(each.kind, each.path.parent.name) for each in verify(run).wrong} == {
        ("leftover", subject.name) for subject in SUBJECTS
    }
    collect_run(run, delete=True)
    assert not verify(run).findings
    assert run.is_finished(A)


def test_a_copy_gets_no_evaluation_of_weights_that_it_does_not_have(tmp_path: Path) -> None:
    source = run_of(tmp_path / "there", A)
    copied = Ledger(copy_run(source, tmp_path / "home").path)
    trained_again(source)
    for subject in SUBJECTS:
        files = {PREDICTIONS: predictions(7)}
        Evaluations(source.root).write(record_of(subject, weights=source.weights_digest(A)), files)
    assert not copy_run(source, tmp_path / "home").damaged
    assert all(Evaluations(copied.root).read(subject.name, A).weights == WEIGHTS for subject in SUBJECTS)
    assert not verify(copied).findings


@pytest.mark.slow
@pytest.mark.parametrize("to", ["disk", "bucket"])
def test_a_copy_takes_them_along_once(place: AnyPath, to: str, tmp_path: Path, bucket: ObjectPath) -> None:
    source, out = run_of(place, A), tmp_path / "home" if to == "disk" else bucket / "home"
    for _ in range(2):
        copied = copy_run(source, out)
        assert not copied.damaged
    there, here = Evaluations(source.root), Evaluations(copied.path)
    assert here.names() == there.names()
    for subject in SUBJECTS:
        assert here.read(subject.name, A) == there.read(subject.name, A)
        assert here.read_files(subject.name, A) == there.read_files(subject.name, A)
    assert not verify(Ledger(copied.path)).findings


def test_a_copy_leaves_a_damaged_one_out_and_says_so(tmp_path: Path) -> None:
    source = run_of(tmp_path / "there", A)
    (source.root / "evaluations" / "haze-3" / A / PREDICTIONS).write_bytes(b"broken")
    copied = copy_run(source, tmp_path / "home")
    assert len(copied.damaged) == 1
    assert "checksum" in copied.damaged[0]
    assert not Evaluations(copied.path).has("haze-3", A)


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    run = run_of(tmp_path, A)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (run.root / "evaluations" / "noise-1").symlink_to(elsewhere)
    with pytest.raises(StorageError, match="link"):
        Evaluations(run.root).check_folders()
    with pytest.raises(StorageError, match="link"):
        verify(run)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"format": 2}, FormatError, "format 2"),
        ({"trial": B}, StorageError, "another evaluation"),
        ({"n": 0}, StorageError, "damaged"),
        ({"weights": "0" * 63}, StorageError, "damaged"),
        ({"subject": {"kind": "prophecy"}}, StorageError, "damaged"),
        (
            {"subject": {"kind": "corruption", "corruption": "../x", "severity": 3, "version": 1}},
            StorageError,
            "damaged",
        ),
        (
            {"subject": {"kind": "corruption", "corruption": "haze", "severity": 9, "version": 1}},
            StorageError,
            "damaged",
        ),
        (
            {"subject": {"kind": "corruption", "corruption": "haze", "severity": 4, "version": 1}},
            StorageError,
            "another",
        ),
    ],
)
def test_a_record_that_is_not_what_it_should_be_is_refused(tmp_path: Path, change, error, match) -> None:
    run = run_of(tmp_path, A)
    folder = run.root / "evaluations" / "haze-3" / A
    record = json.loads((folder / "record.json").read_bytes()) | change
    files = {"record.json": json.dumps(record).encode(), PREDICTIONS: predictions()}
    for name, content in (files | {SUMS: encode_sums(files)}).items():
        (folder / name).write_bytes(content)
    with pytest.raises(error, match=match):
        Evaluations(run.root).read("haze-3", A)


def test_names_that_are_no_folders_are_refused(tmp_path: Path) -> None:
    for name in ("../x", "", ".hidden"):
        with pytest.raises(StorageError, match="cannot name a folder"):
            Evaluations(tmp_path).has(name, A)
