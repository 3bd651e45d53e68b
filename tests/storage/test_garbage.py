"""What is of no use in runs and caches: said with its size, deleted where asked, never what a run refers to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from raysat.errors import BusyError, UsageError
from raysat.files import AnyPath, ObjectPath, partial_folder, read_bytes, write_atomic
from raysat.files.object_store import ObjectFacts, objects_below
from raysat.storage import garbage
from raysat.storage.artifacts import Artifacts
from raysat.storage.cache import Cache
from raysat.storage.garbage import collect_cache, collect_run
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure
from raysat.storage.sealed import SealedFolder
from raysat.storage.verify import verify
from tests.helpers.artifacts import JOB, files_of_job
from tests.helpers.ledger import everything_under, made_up_plan, whole_files

A, B, C, D = (letter * 16 for letter in "abcd")
DAY_S = 24 * 3600


def run_of(place: AnyPath, *trials: str, generators: tuple[str, ...] = ()) -> Ledger:
    ledger = Ledger(place)
    arms = [{"name": "a", "trials": [{"seed": seed, "id": trial} for seed, trial in enumerate(trials)]}]
    ledger.write_plan("study: s\n", made_up_plan(arms=arms, generate=[{"id": job} for job in generators]))
    return ledger


@pytest.fixture(name="place", params=["disk", "bucket"])
def _place(request: pytest.FixtureRequest, tmp_path: Path, bucket: ObjectPath) -> AnyPath:
    return tmp_path if request.param == "disk" else bucket / "here"


def everything(place: AnyPath) -> set[str]:
    if isinstance(place, ObjectPath):
        return {str(path) for path in objects_below(place) if "/lease/" not in str(path)}
    return set(everything_under(place)) - {"run/.lock"}


@pytest.mark.slow
def test_of_a_run_what_is_of_no_use_is_said_then_deleted(place: AnyPath) -> None:
    run = run_of(place / "run", A)
    for trial in (A, B):
        run.write(trial, whole_files(trial))
    whole = everything(place)
    run.write_failure(Failure(id=A, error="of yesterday", time=0.0))
    run.checkpoints.write("0123456789abcdef", b"x" * (1000 - 32))
    before = everything(place)
    found = collect_run(run)
    assert {(kind.what, kind.number) for kind in found.kinds} == {
        ("a failure of a trial that is finished now", 1),
        ("a checkpoint, and all trials are finished", 1),
    }
    assert [kind.size for kind in found.kinds if "checkpoint" in kind.what] == [1000]
    assert found.orphans is not None
    assert (found.orphans.number, found.is_deleted, everything(place)) == (1, False, before)
    assert found.orphans.size == sum(map(len, whole_files(B).values())) + len(sums(run, B))
    assert collect_run(run, delete=True).size == found.size
    assert {name for name in everything(place) if "failures" not in name and "checkpoints" not in name} == {
        name for name in whole if "failures" not in name
    }
    assert run.is_finished(B)
    assert not collect_run(run, delete=True).kinds
    assert [kind.what for kind in collect_run(run, orphans=True, delete=True).kinds] == ["orphan"]
    assert (run.is_finished(A), run.has_record(B)) == (True, False)
    assert not verify(run).findings


def sums(run: Ledger, trial: str) -> bytes:
    return read_bytes(SealedFolder(run.root / "trials" / trial).root / "SHA256SUMS", max_bytes=1 << 20)


@pytest.mark.slow
def test_nothing_is_deleted_while_a_run_is_filled(place: AnyPath) -> None:
    run = run_of(place / "run", A)
    run.write(B, whole_files(B))
    with run.lock(), pytest.raises(BusyError):
        collect_run(Ledger(run.root), orphans=True, delete=True)
    with run.lock():
        assert collect_run(Ledger(run.root)).orphans  # to say it needs no lock
    assert run.is_finished(B)


def test_checkpoints_of_a_trial_that_is_not_finished_stay(place: AnyPath) -> None:
    run = run_of(place / "run", A, B)
    run.write(A, whole_files(A))
    run.checkpoints.write("0123456789abcdef", b"state")
    assert not collect_run(run, delete=True).kinds
    assert run.checkpoints.is_whole("0123456789abcdef")


def test_what_is_being_written_stays(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", A)
    left = tmp_path / "run" / "trials" / f".{B}-0123abcd.partial"
    left.mkdir(parents=True)
    with partial_folder(tmp_path / "run" / "trials" / C) as work:
        (work / "record.json").write_text("{}")
        assert [found.path for found in verify(run).findings] == [left]
        assert [kind.number for kind in collect_run(run, delete=True).kinds] == [1]
        assert work.exists()
    assert not left.exists()


def test_a_file_that_others_link_to_frees_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", A)
    run.write(B, whole_files(B))
    Cache.open(tmp_path / "cache").offer_trial(B, run)
    found = collect_run(run, orphans=True)
    assert found.size == len(sums(run, B))


def cache_of(place: AnyPath, *trials: str) -> Cache:
    cache = Cache.open(place / "cache")
    for trial in trials:
        cache.records.write(trial, whole_files(trial))
    cache.artifacts.write(JOB, files_of_job())
    cache.artifacts.write("e" * 16, files_of_job("e" * 16))
    return cache


@pytest.mark.slow
def test_of_a_cache_what_no_run_refers_to_is_deleted(place: AnyPath) -> None:
    cache, runs = cache_of(place, A, B, C), [run_of(place / "one", A, generators=(JOB,)), run_of(place / "two", B)]
    assert not collect_cache(cache, [], delete=True).kinds
    found = collect_cache(cache, runs, delete=True)
    assert not found.kinds
    assert found.orphans is not None
    assert found.orphans.number == 2
    found = collect_cache(cache, runs, orphans=True)
    assert [(kind.what, kind.number) for kind in found.kinds] == [("orphan", 2)]
    assert found.size > 0
    assert cache.trials() == {A, B, C}
    collect_cache(cache, runs, orphans=True, delete=True)
    assert {trial for trial in (A, B, C) if cache.records.is_finished(trial)} == {A, B}
    assert cache.artifacts.is_finished(JOB)
    assert not cache.artifacts.has_record("e" * 16)


def test_damaged_entries_of_a_cache_are_of_no_use(place: AnyPath) -> None:
    cache = cache_of(place, A, B)
    write_atomic(SealedFolder(cache.root / "trials" / A).folder / "model.pt", b"evil")
    write_atomic(cache.artifacts.path(JOB) / "labels.npy", b"evil")
    found = collect_cache(cache, [run_of(place / "one", A, B, generators=(JOB,))], delete=True)
    assert [(kind.what, kind.number) for kind in found.kinds] == [("damaged", 2)]
    assert (cache.records.has_record(A), cache.records.is_finished(B)) == (False, True)
    assert not cache.artifacts.has_record(JOB)


def test_orphans_of_no_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="all of a cache"):
        collect_cache(cache_of(tmp_path, A), [], orphans=True, delete=True)


def test_on_a_disk_what_others_write_into_a_cache_stays(tmp_path: Path) -> None:
    cache = cache_of(tmp_path)
    trials, generated = tmp_path / "cache" / "trials", tmp_path / "cache" / "generated"
    left = [trials / f".{B}-0123abcd.partial", generated / f".{B}-0123abcd.partial"]
    for path in left:
        path.mkdir(parents=True)
    with partial_folder(trials / A) as work, partial_folder(generated / A) as other:
        found = collect_cache(cache, [], delete=True)
        assert work.exists()
        assert other.exists()
    assert sum(kind.number for kind in found.kinds) == 2
    assert not any(path.exists() for path in left)


@pytest.mark.slow
@pytest.mark.parametrize(("age", "stays"), [(DAY_S - 60, True), (DAY_S + 60, False)])
def test_in_a_bucket_only_old_attempts_are_of_no_use_in_a_cache(
    bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch, age: float, stays: bool
) -> None:
    """Another process may be writing there; ages are compared by the store's clock alone."""
    cache = cache_of(bucket, A)
    for folder in (f"trials/{A}", f"trials/{B}", f"generated/{JOB}", f"generated/{B}"):
        write_atomic(cache.root / folder / "0a0a0a0a" / "record.json", b"{}")
    describe = garbage.describe_objects

    def aged(folder: ObjectPath) -> list[ObjectFacts]:
        found = list(describe(folder))
        newest = max(each.changed for each in found)
        old = {each.name for each in found if "0a0a0a0a" in each.name}
        return [
            ObjectFacts(each.name, each.size, each.tag, newest - age if each.name in old else newest) for each in found
        ]

    monkeypatch.setattr(garbage, "describe_objects", aged)
    found = collect_cache(cache, [], delete=True)
    assert sum(kind.number for kind in found.kinds) == (0 if stays else 4)
    assert sum("0a0a0a0a" in str(path) for path in objects_below(cache.root)) == (4 if stays else 0)
    assert cache.records.is_finished(A)
    assert cache.artifacts.is_finished(JOB)


def test_the_command_says_kinds_and_sizes(raysat: Callable[..., Any], tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", A)
    assert raysat("ledger", "gc", run.root).out.strip() == "nothing is of no use"
    run.write(A, whole_files(A))
    run.write(B, whole_files(B))
    run.checkpoints.write("0123456789abcdef", b"x" * (2000 - 32))
    said = raysat("ledger", "gc", run.root)
    assert (said.code, said.err) == (0, "")
    assert "2.0 kB  1 x a checkpoint, and all trials are finished" in said.out
    assert "kept: 1 orphan" in said.out
    assert "2.0 kB  in all; --delete deletes it" in said.out
    assert "2.0 kB  deleted" in raysat("ledger", "gc", run.root, "--delete").out
    cache = cache_of(tmp_path, A, B)
    assert "3 x orphan" in raysat("ledger", "gc", cache.root, "--run", run.root, "--orphans").out
    assert raysat("ledger", "gc", cache.root, "--orphans", "--delete").code == 2
    assert "leave it out" in raysat("ledger", "gc", run.root, "--run", run.root).err
    assert raysat("ledger", "gc", tmp_path / "no").code == 2
    assert cache.trials() == {A, B}
    assert Artifacts(tmp_path / "cache" / "generated").is_finished(JOB)
