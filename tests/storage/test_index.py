"""The index of finished records: whatever happens to records and to the index, the answer is that without one."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raysat.files import ObjectPath, backup_path, remove_file, subfolder_stamps
from raysat.files.object_store import objects_below
from raysat.storage.index import FILE, RecordIndex
from raysat.storage.ledger import Ledger
from raysat.storage.verify import verify
from tests.helpers.ledger import made_up_plan, whole_files

A_TICK = 0.02  # seconds: a write in the same tick of the clock as the one before may leave no trace in times
TRIALS = tuple(f"{number:016x}" for number in range(4))
FILES = ("record.json", "spec.json", "history.csv", "predictions.npz", "model.pt", "SHA256SUMS")
trials, files = st.sampled_from(TRIALS), st.sampled_from(FILES)


class Run:
    """A run of four trials, what may happen to it, and what is true of it."""

    def __init__(self, root: Path) -> None:
        self.ledger = Ledger(root)
        self.read: list[str] = []
        # Later than any file, so that what is written now counts as settled.
        self.index = RecordIndex(root, root / "trials", worth=1, clock=lambda: time.time() + 10)
        self.file = root / FILE

    def check(self) -> None:
        """By the index, the answer is that of reading all."""
        assert self.ask() == frozenset(filter(self.ledger.is_finished, TRIALS))

    def ask(self) -> frozenset[str]:
        self.read.clear()
        return frozenset(self.index.finished(TRIALS, self._is_whole))

    def _is_whole(self, trial: str) -> bool:
        self.read.append(trial)
        return self.ledger.is_finished(trial)

    def folder(self, trial: str) -> Path:
        return self.ledger.root / "trials" / trial


def write(run: Run, trial: str) -> None:
    run.ledger.write(trial, whole_files(trial))


def delete(run: Run, trial: str) -> None:
    shutil.rmtree(run.folder(trial), ignore_errors=True)


def delete_file(run: Run, trial: str, name: str) -> None:
    (run.folder(trial) / name).unlink(missing_ok=True)


def garble(run: Run, trial: str, name: str) -> None:
    """Change a byte, and set the old time of change."""
    file = run.folder(trial) / name
    if file.is_file():
        before, content = file.stat(), file.read_bytes()
        file.write_bytes(bytes([content[0] ^ 1]) + content[1:] if content else b"?")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def truncate(run: Run, trial: str, name: str) -> None:
    file = run.folder(trial) / name
    if file.is_file():
        file.write_bytes(file.read_bytes()[:-1])


def swap(run: Run, trial: str, name: str) -> None:
    """A file of another trial comes in its place."""
    here, there = run.folder(trial) / name, run.folder(TRIALS[0]) / name
    if here.is_file() and there.is_file() and here != there:
        shutil.copy2(there, here)


def move_to_backup(run: Run, trial: str) -> None:
    """A replacement was killed midway."""
    if run.folder(trial).exists() and not backup_path(run.folder(trial)).exists():
        run.folder(trial).rename(backup_path(run.folder(trial)))


def lose_index(run: Run) -> None:
    run.file.unlink(missing_ok=True)


def spoil_index(run: Run, content: bytes) -> None:
    run.file.write_bytes(content)


def mix_index(run: Run, shift: int) -> None:
    """Every record has the stamp of another."""
    with suppress(OSError, ValueError, AttributeError, RecursionError):  # none is there, or one that is spoiled already
        stamps = list(json.loads(run.file.read_bytes()).get("whole").values())
        mixed = dict(zip(TRIALS, stamps[shift:] + stamps, strict=False))
        run.file.write_text(json.dumps({"format": 1, "whole": mixed}), encoding="utf-8")


HOSTILE = st.sampled_from(
    [
        b"",
        b"\xff\xfe",
        b"[" * 300,
        b'{"format": 2, "whole": {}}',
        b'{"format": 1, "whole": []}',
        b'{"format": 1, "whole": {"../../x": "' + b"0" * 32 + b'"}}',
        json.dumps({"format": 1, "whole": dict.fromkeys(TRIALS, "0" * 32)}).encode(),
        json.dumps({"format": 1, "whole": dict.fromkeys(TRIALS, True)}).encode(),
    ]
) | st.binary(max_size=50)


def note(run: Run, trial: str) -> None:
    """The run that fills the folder notes a record."""
    run.index.add([trial], run.ledger.is_finished)


STEPS = st.one_of(
    st.tuples(st.just(note), trials),
    st.tuples(st.just(write), trials),
    st.tuples(st.just(delete), trials),
    st.tuples(st.just(move_to_backup), trials),
    st.tuples(st.sampled_from([delete_file, garble, truncate, swap]), trials, files),
    st.tuples(st.just(lose_index)),
    st.tuples(st.just(spoil_index), HOSTILE),
    st.tuples(st.just(mix_index), st.integers(0, 3)),
)


@contextmanager
def a_run() -> Iterator[Run]:
    with tempfile.TemporaryDirectory() as folder:
        yield Run(Path(folder))


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=12), stale=st.integers(0, 12))
def test_any_history_of_records_and_index_gives_the_answer_of_reading_all(steps: list[tuple], stale: int) -> None:
    with a_run() as run:
        write(run, TRIALS[0])
        write(run, TRIALS[1])
        old = None
        for number, (happen, *how) in enumerate(steps):
            run.check()
            if number == stale and run.file.exists():
                old = run.file.read_bytes()
            time.sleep(A_TICK)
            happen(run, *how)
        run.check()
        if old is not None:  # an index of long ago is put in place
            run.file.write_bytes(old)
            run.check()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_what_was_found_whole_is_not_read_again(run: Run) -> None:
    write(run, TRIALS[0])
    write(run, TRIALS[1])
    assert run.ask() == {TRIALS[0], TRIALS[1]}
    assert sorted(run.read) == [TRIALS[0], TRIALS[1]]
    write(run, TRIALS[2])
    assert run.ask() == {*TRIALS[:3]}
    assert run.read == [TRIALS[2]]
    assert run.ask() == {*TRIALS[:3]}
    assert run.read == []


def test_a_damaged_record_is_read_each_time_and_never_noted(run: Run) -> None:
    write(run, TRIALS[0])
    (run.folder(TRIALS[0]) / "history.csv").write_bytes(b"other")
    for _ in range(2):
        assert run.ask() == frozenset()
        assert run.read == [TRIALS[0]]
    assert not run.file.exists()


def test_what_was_written_a_moment_ago_is_not_noted_yet(tmp_path: Path) -> None:
    run = Run(tmp_path)
    write(run, TRIALS[0])
    now = RecordIndex(tmp_path, tmp_path / "trials", worth=1)
    assert now.finished(TRIALS, run.ledger.is_finished).keys() == {TRIALS[0]}
    assert not run.file.exists()


def test_no_index_is_written_for_a_few_records(tmp_path: Path) -> None:
    run = Run(tmp_path)
    write(run, TRIALS[0])
    index = RecordIndex(tmp_path, tmp_path / "trials", worth=2, clock=lambda: time.time() + 10)
    assert index.finished(TRIALS, run.ledger.is_finished).keys() == {TRIALS[0]}
    assert not run.file.exists()


def test_records_that_are_found_damaged_are_taken_out(run: Run) -> None:
    write(run, TRIALS[0])
    write(run, TRIALS[1])
    run.ask()
    run.index.forget([TRIALS[0], "unknown"])
    run.ask()
    assert run.read == [TRIALS[0]]


def test_what_verify_finds_damaged_is_not_taken_for_whole_again(run: Run) -> None:
    """A disk may garble bytes without a write, which no stamp tells."""
    write(run, TRIALS[0])
    run.ledger.write_plan("", made_up_plan())
    run.ask()
    (run.folder(TRIALS[0]) / "history.csv").write_bytes(b"other")
    stamp = subfolder_stamps(run.ledger.root / "trials")[TRIALS[0]]
    assert stamp is not None
    run.file.write_text(json.dumps({"format": 1, "whole": {TRIALS[0]: stamp.text}}), encoding="utf-8")
    assert run.ask() == {TRIALS[0]}
    assert [found.kind for found in verify(run.ledger).findings] == ["damaged"]
    run.check()


def test_an_index_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    run = Run(tmp_path)
    write(run, TRIALS[0])
    run.file.mkdir()
    for _ in range(2):
        assert run.ask() == {TRIALS[0]}
        assert run.read == [TRIALS[0]]


def test_of_two_that_write_at_a_time_either_is_whole(run: Run) -> None:
    """One reads records while another writes the index; what the last lacks is read again."""
    write(run, TRIALS[0])
    other = Run(run.ledger.root)

    def slow(trial: str) -> bool:
        write(other, TRIALS[1])
        other.ask()
        return run.ledger.is_finished(trial)

    assert run.index.finished(TRIALS, slow).keys() == {TRIALS[0]}
    run.check()
    assert run.ask() == {TRIALS[0], TRIALS[1]}


def test_who_fills_the_run_notes_a_record_without_a_look_at_the_others(run: Run) -> None:
    write(run, TRIALS[0])
    write(run, TRIALS[1])
    assert run.index.add([TRIALS[0], TRIALS[3]], run.ledger.is_finished) == frozenset()
    assert run.ask() == {TRIALS[0], TRIALS[1]}
    assert run.read == [TRIALS[1]]


def test_what_cannot_be_noted_yet_is_to_be_tried_again(run: Run) -> None:
    write(run, TRIALS[0])
    young = RecordIndex(run.ledger.root, run.ledger.root / "trials", worth=1)
    few = RecordIndex(run.ledger.root, run.ledger.root / "trials", worth=2, clock=lambda: time.time() + 10)
    for index in (young, few):
        assert index.add([TRIALS[0]], run.ledger.is_finished) == {TRIALS[0]}
        assert not run.file.exists()


def test_in_an_object_store_a_listing_tells_what_was_found_whole(bucket: ObjectPath) -> None:
    ledger, read = Ledger(bucket / "run"), []

    def is_whole(trial: str) -> bool:
        read.append(trial)
        return ledger.is_finished(trial)

    index = RecordIndex(ledger.root, ledger.root / "trials", worth=1)
    ledger.write(TRIALS[0], whole_files(TRIALS[0]))
    ledger.write(TRIALS[1], whole_files(TRIALS[1]))
    for read_now in ([TRIALS[0], TRIALS[1]], []):
        read.clear()
        assert index.finished(TRIALS, is_whole).keys() == {TRIALS[0], TRIALS[1]}
        assert sorted(read) == read_now
    record = next(path for path in objects_below(ledger.root / "trials" / TRIALS[0]) if path.name == "history.csv")
    remove_file(record, ledger.root)
    assert index.finished(TRIALS, is_whole).keys() == {TRIALS[1]}
    assert read == [TRIALS[0]]
