"""A cache between studies: equal work is taken whole or not at all, and what is there is not written again."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from raysat.config.schema import Config
from raysat.errors import DiskError, FormatError, StorageError, UsageError
from raysat.files import AnyPath, ObjectPath, read_bytes, write_atomic
from raysat.files.object_store import objects_below
from raysat.storage.artifacts import Artifacts
from raysat.storage.cache import FILE, Cache, is_cache
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure, TrialSpec
from raysat.storage.sealed import FILES, SUMS, SealedFolder
from tests.helpers.artifacts import JOB, files_of_job
from tests.helpers.ledger import ID, everything_under, made_up_plan, made_up_record, reseal, whole_files

pytestmark = pytest.mark.slow

SPEC = TrialSpec(config=Config(), seed=0, data="f")  # of ``whole_files``
PLACES = ["disk", "bucket", "up", "down"]  # of run and cache: both on a disk, in one bucket, or one each


@pytest.fixture(name="where", params=PLACES)
def _where(request: pytest.FixtureRequest, tmp_path: Path, bucket: ObjectPath) -> tuple[AnyPath, AnyPath]:
    """Where runs are, and the cache."""
    runs = bucket / "runs" if request.param in {"bucket", "up"} else tmp_path / "runs"
    return runs, bucket / "cache" if request.param in {"bucket", "down"} else tmp_path / "cache"


def finished(run: AnyPath) -> Ledger:
    ledger = Ledger(run)
    ledger.write(ID, whole_files(ID))
    return ledger


def contents(ledger: Ledger) -> dict[str, bytes]:
    sealed = SealedFolder(ledger.root / "trials" / ID)
    return {name: sealed.read(name, max_bytes=1 << 20) for name in sealed.names}


def test_what_one_run_offers_another_takes(where: tuple[AnyPath, AnyPath]) -> None:
    runs, place = where
    cache, first, second = Cache.open(place), finished(runs / "first"), Ledger(runs / "second")
    assert cache.take_trial(ID, SPEC, second) is None
    cache.offer_trial(ID, first)
    assert cache.trials() == {ID}
    second.write_failure(Failure(id=ID, error="it diverged", time=0.0))
    assert Cache.open(place).take_trial(ID, SPEC, second) == first.read(ID)
    assert second.is_finished(ID)
    assert second.read_failure(ID) is None
    assert contents(second) == contents(first) == whole_files(ID)
    assert SealedFolder(second.root / "trials" / ID).names == SealedFolder(first.root / "trials" / ID).names
    if isinstance(second.root, Path):
        assert set(everything_under(second.root / "trials" / ID)) == {*FILES, SUMS}


def test_patches_are_shared_too(where: tuple[AnyPath, AnyPath]) -> None:
    runs, place = where
    cache, first, second = Cache.open(place), Artifacts(runs / "a" / "generated"), Artifacts(runs / "b" / "generated")
    first.write(JOB, files_of_job())
    assert not cache.take_patches(JOB, "f", second)
    cache.offer_patches(JOB, first)
    assert not cache.take_patches(JOB, "of another store", second)
    assert cache.take_patches(JOB, "f", second)
    assert second.is_finished(JOB)
    assert second.read_files(JOB) == files_of_job()


def test_on_one_disk_a_record_takes_no_space_twice(tmp_path: Path) -> None:
    first, second = finished(tmp_path / "first"), Ledger(tmp_path / "second")
    cache = Cache.open(tmp_path / "cache")
    cache.offer_trial(ID, first)
    cache.take_trial(ID, SPEC, second)
    for name in FILES:
        files = [root / "trials" / ID / name for root in (tmp_path / "first", tmp_path / "cache", tmp_path / "second")]
        assert len({file.stat().st_ino for file in files}) == 1
    first.write(ID, whole_files(ID))  # nothing, as it is there
    (tmp_path / "first" / "trials" / ID / "model.pt").unlink()
    first.write(ID, whole_files(ID) | {"model.pt": b"other weights"})
    assert contents(second) == whole_files(ID)


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_what_others_may_write_is_copied_not_linked(tmp_path: Path, mode: int) -> None:
    cache, first, second = Cache.open(tmp_path / "cache"), finished(tmp_path / "first"), Ledger(tmp_path / "second")
    cache.offer_trial(ID, first)
    theirs = tmp_path / "cache" / "trials" / ID / "model.pt"
    theirs.chmod(mode)
    cache.take_trial(ID, SPEC, second)
    ours = tmp_path / "second" / "trials" / ID / "model.pt"
    assert ours.stat().st_ino != theirs.stat().st_ino
    theirs.write_bytes(b"evil")
    assert contents(second) == whole_files(ID)


def test_in_one_bucket_no_bytes_travel(bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, first = Cache.open(bucket / "cache"), finished(bucket / "runs" / "first")
    read: list[str] = []
    of = SealedFolder.read

    def noted(self: SealedFolder, name: str, **options: int) -> bytes:
        read.append(name)
        return of(self, name, **options)

    monkeypatch.setattr(SealedFolder, "read", noted)
    cache.offer_trial(ID, first)
    assert "model.pt" not in read
    assert "predictions.npz" not in read
    assert cache.records.is_finished(ID)


def test_what_is_there_is_not_offered_again(where: tuple[AnyPath, AnyPath]) -> None:
    runs, place = where
    cache = Cache.open(place)
    cache.offer_trial(ID, finished(runs / "first"))
    other = Ledger(runs / "other")
    other.write(ID, whole_files(ID) | {"model.pt": b"equal weights of another run"})
    before = contents(cache.records)
    cache.offer_trial(ID, other)
    assert contents(cache.records) == before
    if isinstance(place, ObjectPath):
        assert len(objects_below(place / "trials" / ID)) == len(FILES) + 1


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_a_damaged_entry_is_not_taken_and_is_replaced(where: tuple[AnyPath, AnyPath], name: str) -> None:
    runs, place = where
    cache, first, second = Cache.open(place), finished(runs / "first"), Ledger(runs / "second")
    cache.offer_trial(ID, first)
    sealed = SealedFolder(place / "trials" / ID)
    file = sealed.root / name if name == SUMS else sealed.folder / name
    write_atomic(file, b"evil" + read_bytes(file, max_bytes=1 << 20))
    assert cache.take_trial(ID, SPEC, second) is None
    assert not second.has_record(ID)
    cache.offer_trial(ID, first)
    assert cache.take_trial(ID, SPEC, second) == first.read(ID)


@pytest.mark.parametrize(
    "changes",
    [
        {"record.json": made_up_record(ID).model_dump_json().encode()},  # metrics that are not those of its predictions
        {"record.json": made_up_record("f" * 16).model_dump_json().encode()},
        {"spec.json": TrialSpec(config=Config(), seed=1, data="f").model_dump_json().encode()},
        {"spec.json": TrialSpec(config=Config(), seed=0, data="g").model_dump_json().encode()},
        {"spec.json": b"{}"},
        {"history.csv": b"a\x00b"},
        {"predictions.npz": b"PK"},
    ],
)
def test_an_entry_whose_checksums_fit_is_not_taken_where_it_is_of_something_else(
    tmp_path: Path, changes: dict[str, bytes]
) -> None:
    cache, second = Cache.open(tmp_path / "cache"), Ledger(tmp_path / "second")
    cache.offer_trial(ID, finished(tmp_path / "first"))
    reseal(cache.records, ID, changes)
    assert cache.take_trial(ID, SPEC, second) is None
    assert not second.has_record(ID)


@pytest.mark.parametrize("target", ["folder", "pipe", "secret", "dangling"])
def test_what_is_no_file_is_not_taken(tmp_path: Path, target: str) -> None:
    cache, second = Cache.open(tmp_path / "cache"), Ledger(tmp_path / "second")
    cache.offer_trial(ID, finished(tmp_path / "first"))
    file = tmp_path / "cache" / "trials" / ID / "model.pt"
    file.unlink()
    (tmp_path / "secret").write_text("key")
    match target:
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case name:
            file.symlink_to(tmp_path / name)
    assert cache.take_trial(ID, SPEC, second) is None
    assert not second.has_record(ID)


def test_damaged_patches_are_not_taken(where: tuple[AnyPath, AnyPath]) -> None:
    runs, place = where
    cache, artifacts = Cache.open(place), Artifacts(runs / "generated")
    cache.artifacts.write(JOB, files_of_job())
    file = cache.artifacts.path(JOB) / "images.npy"
    write_atomic(file, read_bytes(file, max_bytes=1 << 20)[:-1] + b"\xff")
    assert not cache.take_patches(JOB, "f", artifacts)
    assert not artifacts.has_record(JOB)


def test_a_damaged_record_of_the_run_is_replaced(where: tuple[AnyPath, AnyPath]) -> None:
    runs, place = where
    cache, second = Cache.open(place), finished(runs / "second")
    cache.offer_trial(ID, finished(runs / "first"))
    write_atomic(SealedFolder(second.root / "trials" / ID).folder / "history.csv", b"broken")
    assert cache.take_trial(ID, SPEC, second)
    assert second.is_finished(ID)


def test_a_run_or_a_folder_through_a_link_is_no_cache(tmp_path: Path, bucket: ObjectPath) -> None:
    for place in (tmp_path / "run", bucket / "run"):
        Ledger(place).write_plan("study: s\n", made_up_plan())
        with pytest.raises(UsageError, match="is a run, not a cache"):
            Cache.open(place)
        assert not is_cache(place)
    with pytest.raises(UsageError, match="is no cache, and holds 1 other thing"):
        Cache.open(tmp_path)  # a folder of runs: their patches are not for the cache to delete
    (tmp_path / "cache").mkdir()
    (tmp_path / "others").mkdir()
    (tmp_path / "cache" / "trials").symlink_to(tmp_path / "others")
    with pytest.raises(StorageError, match="symbolic link"):
        Cache.open(tmp_path / "cache")
    assert everything_under(tmp_path / "others") == []


def test_another_raysats_cache_is_refused(tmp_path: Path) -> None:
    Cache.open(tmp_path)
    (tmp_path / FILE).write_text('{"format": 2}')
    with pytest.raises(FormatError):
        Cache.open(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_may_only_be_read_is_read(tmp_path: Path) -> None:
    cache = Cache.open(tmp_path / "cache")
    first, second = finished(tmp_path / "first"), Ledger(tmp_path / "second")
    cache.offer_trial(ID, first)
    for folder in (tmp_path / "cache", tmp_path / "cache" / "trials"):
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert Cache.open(tmp_path / "cache").take_trial(ID, SPEC, second) is not None
    with pytest.raises(DiskError):
        cache.offer_trial("f" * 16, first)


def test_a_cache_in_the_place_of_a_file_is_one_error(raysat: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("mine")
    with pytest.raises(DiskError, match="cannot be written"):
        Cache.open(tmp_path / "cache")
