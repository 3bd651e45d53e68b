"""A run in a real S3 server: written and read as on a disk, finished by one put, whoever is first; leftovers found."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from pathlib import Path

import pytest

from raysat.errors import DiskError, StorageError
from raysat.files import (
    ObjectPath,
    file_exists,
    folder_entries,
    put_if_absent,
    read_bytes,
    read_text,
    remove_file,
    write_atomic,
)
from raysat.files.object_store import objects_below
from raysat.storage import ledger as ledger_module
from raysat.storage.garbage import collect_run
from raysat.storage.heartbeat import RunStatus, write_status
from raysat.storage.ledger import Ledger
from raysat.storage.progress import read_progress
from raysat.storage.records import Failure
from raysat.storage.sealed import SUMS, SealedFolder
from raysat.storage.verify import verify
from tests.helpers.ledger import ID, files_of, made_up_plan, made_up_record, whole_files

pytestmark = pytest.mark.slow

OTHER = "fedcba9876543210"


def arms(*ids: str) -> dict[str, object]:
    trials = tuple({"seed": seed, "id": trial} for seed, trial in enumerate(ids))
    return {"arms": ({"name": "a", "trials": trials},)}


@pytest.fixture
def ledger(bucket: ObjectPath) -> Ledger:
    return Ledger(str(bucket / "runs" / "study"))


def names(folder: ObjectPath) -> list[str]:
    return [entry.name for entry in folder_entries(folder)]


def copied(run: ObjectPath, to: Path) -> Path:
    """A run as any tool copies it to a disk."""
    for found in objects_below(run):
        file = to / found.url.removeprefix(f"{run.url}/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(read_bytes(found, max_bytes=1 << 30))
    return to


def test_a_record_is_read_as_it_was_written(ledger):
    files = whole_files(ID)
    assert not ledger.is_finished(ID)
    assert ledger.finished([ID]) == {}
    ledger.write(ID, files)
    assert ledger.is_finished(ID)
    assert ledger.finished([ID, OTHER]).keys() == {ID}
    assert ledger.read(ID).id == ID
    assert [row["epoch"] for row in ledger.read_history(ID)] == [1, 2]
    assert ledger.read_spec(ID).seed == 0
    assert len(ledger.read_predictions(ID).labels) == 4
    ledger.check_weights(ID)


def test_sha256sum_checks_a_copy_and_a_copy_is_read(ledger, tmp_path):
    ledger.write_plan("study: s\n", made_up_plan(**arms(ID)))
    ledger.write(ID, whole_files(ID))
    run = copied(ledger.root, tmp_path / "run")
    subprocess.run(["sha256sum", "-c", SUMS], cwd=run / "trials" / ID, check=True, capture_output=True)
    assert Ledger.open(run).read(ID) == ledger.read(ID)
    assert verify(Ledger(run)).whole == 1


def test_a_run_of_a_disk_is_read_in_a_bucket(ledger, tmp_path):
    local = Ledger(tmp_path / "run")
    local.write(ID, whole_files(ID))
    for file in (tmp_path / "run" / "trials" / ID).iterdir():
        write_atomic(ledger.root / "trials" / ID / file.name, file.read_bytes())
    assert ledger.is_finished(ID)
    assert ledger.read_history(ID) == local.read_history(ID)


def test_a_record_that_another_finished_first_stays(ledger):
    ledger.write(ID, whole_files(ID))
    before = {path: read_bytes(path, max_bytes=1 << 20) for path in objects_below(ledger.root)}
    ledger.write(ID, files_of(made_up_record(seconds=9.0)))
    assert {path: read_bytes(path, max_bytes=1 << 20) for path in objects_below(ledger.root)} == before


def test_of_two_that_write_at_once_one_is_the_record_and_the_other_leaves_nothing(ledger, monkeypatch):
    """Both have looked for a record before either has put its own."""
    both_looked = threading.Barrier(2)
    write = ledger_module.write_sealed

    def late(*args, **options):
        both_looked.wait(timeout=10)
        write(*args, **options)

    monkeypatch.setattr(ledger_module, "write_sealed", late)
    records = [made_up_record(seconds=float(number)) for number in range(2)]
    threads = [threading.Thread(target=ledger.write, args=(ID, files_of(record))) for record in records]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert ledger.read(ID) in records
    assert ledger.is_finished(ID)
    assert len(names(ledger.root / "trials" / ID)) == 2  # its attempt and the checksums


@pytest.mark.parametrize("name", [*files_of(made_up_record()), SUMS])
@pytest.mark.parametrize("damage", ["changed", "gone"])
def test_a_damaged_record_is_noticed_and_replaced(ledger, name, damage):
    ledger.write(ID, whole_files(ID))
    sealed = SealedFolder(ledger.root / "trials" / ID)
    file = sealed.root / SUMS if name == SUMS else sealed.folder / name
    if damage == "gone":
        remove_file(file, ledger.root)
    else:
        write_atomic(file, b"x")
    assert ledger.is_finished(ID) == (name == "model.pt" and damage == "changed")  # weights are read by verify alone
    ledger.write_plan("study: s\n", made_up_plan(**arms(ID)))
    kind = "leftover" if (name, damage) == (SUMS, "gone") else "damaged"
    assert [found.kind for found in verify(ledger).wrong] == [kind]
    if ledger.is_finished(ID):
        collect_run(ledger, delete=True)
    ledger.write(ID, whole_files(ID))
    assert ledger.is_finished(ID)
    ledger.check_weights(ID)
    collect_run(ledger, delete=True)
    assert not verify(ledger).findings
    assert ledger.is_finished(ID)


def test_what_was_half_written_is_no_record_and_is_cleaned_up(ledger):
    ledger.write_plan("study: s\n", made_up_plan(**arms(ID, OTHER)))
    ledger.write(ID, whole_files(ID))
    for trial in (ID, OTHER):
        write_atomic(
            ledger.root / "trials" / trial / "0a0a0a0a" / "record.json", files_of(made_up_record(trial))["record.json"]
        )
    assert ledger.finished([ID, OTHER]).keys() == {ID}
    found = verify(ledger)
    assert sorted((each.kind, each.path.name) for each in found.wrong) == [
        ("leftover", "0a0a0a0a"),
        ("leftover", OTHER),
    ]
    assert found.whole == 1
    collect_run(ledger, delete=True)
    assert not verify(ledger).findings
    assert names(ledger.root / "trials") == [ID]


def test_a_write_that_fails_leaves_no_attempt(ledger, monkeypatch):
    from raysat.storage import sealed

    def full(path, content):
        if path.name == "model.pt":
            raise DiskError(f"{path} cannot be written: full")
        write_atomic(path, content)

    monkeypatch.setattr(sealed, "write_atomic", full)
    with pytest.raises(DiskError):
        ledger.write(ID, whole_files(ID))
    assert not objects_below(ledger.root)


def test_plan_failures_and_progress_are_as_on_a_disk(ledger):
    with pytest.raises(StorageError, match="not a run"):
        Ledger.open(ledger.root)
    plan = made_up_plan(**arms(ID, OTHER))
    ledger.write_plan("study: ü\n", plan)
    with pytest.raises(StorageError) as caught:
        Ledger.open(ledger.root.parent)
    assert "holds the runs study" in caught.value.hint
    assert Ledger.open(ledger.root).read_plan() == plan
    assert ledger.read_study_text() == "study: ü\n"
    ledger.write_failure(Failure(id=OTHER, error="diverged", time=1.75e9))
    ledger.write(ID, whole_files(ID))
    write_status(ledger.progress, RunStatus(done=1, failed=1, already_done=0, total=2, running=(), eta_seconds=None))
    progress = read_progress(ledger)
    assert [trial.state for trial in progress.trials] == ["done", "failed"]
    assert progress.last_seen.status is not None
    assert not progress.last_seen.is_alive
    ledger.write(OTHER, whole_files(OTHER))
    assert ledger.read_failure(OTHER) is None


def test_checkpoints_are_kept_found_and_swept(ledger):
    kept, dropped = "0" * 16, "1" * 16
    checkpoints = ledger.checkpoints
    for state in (kept, dropped):
        checkpoints.write(state, state.encode() * 1000)
    assert list(checkpoints.names()) == [kept, dropped]
    assert checkpoints.read(kept) == kept.encode() * 1000
    write_atomic(checkpoints.root / dropped, b"x" * 100)
    assert checkpoints.read(dropped) is None
    checkpoints.tidy()
    checkpoints.sweep({kept})
    assert list(checkpoints.names()) == [kept]
    checkpoints.sweep(())
    assert not file_exists(checkpoints.root / kept)


def test_a_driver_that_was_taken_over_writes_nothing_more(ledger):
    ledger.write_plan("study: s\n", made_up_plan())
    with ledger.lock():
        ledger.write_plan("study: s\n", made_up_plan(study="first"))
        assert put_if_absent(ledger.root / "lease" / "00000002.json", b"{}")
        ledger._lease._sure_at -= 3600  # as if it had slept
        for act in (
            lambda: ledger.write_plan("study: s\n", made_up_plan(study="late")),
            lambda: ledger.write_failure(Failure(id=ID, error="late", time=0)),
            lambda: ledger.clear_failure(ID),
            lambda: ledger.checkpoints.sweep(()),
        ):
            with pytest.raises(DiskError, match="another raysat took over"):
                act()
    assert ledger.read_plan().study == "first"
    assert read_text(ledger.root / "lease" / "00000002.json", max_bytes=99) == "{}"


def test_records_that_many_threads_look_at_are_those_that_one_finds(ledger):
    trials = [hashlib.sha256(bytes([number])).hexdigest()[:16] for number in range(40)]
    for trial in trials[::3]:
        ledger.write(trial, whole_files(trial))
    assert ledger.finished(trials).keys() == set(trials[::3])
