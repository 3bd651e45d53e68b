"""A node that does not have a store copies it once; what it finds there is what is meant."""

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from raysat.data.remote.ranged_array import RangedArray
from raysat.data.store import PatchStore, StoreWriter
from raysat.data.store_files import LocalFiles
from raysat.errors import StoreError
from raysat.execution.storage.run_files import RunFiles
from raysat.execution.store_news import ReadingByRange, StoreNews
from raysat.execution.workers.node_stores import open_store
from raysat.files import ObjectPath, remove_file
from tests.helpers.remote import upload
from tests.helpers.storage import MemoryStorage


def test_a_node_without_the_store_copies_it_once(
    tmp_path: Path, landsat_store: PatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    storage = RunFiles(tmp_path / "run", landsat_store.path, tmp_path / "generated")
    opened: list[PatchStore] = []

    def worker() -> None:
        opened.append(open_store(Path("/nowhere"), landsat_store.digest, storage))

    workers = [threading.Thread(target=worker) for _ in range(2)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert [store.files for store in opened] == [LocalFiles(tmp_path / "stores" / landsat_store.digest)] * 2
    assert {str(store.path) for store in opened} == {"/nowhere"}
    assert np.array_equal(opened[0].images, landsat_store.images)
    assert [path.name for path in (tmp_path / "stores").iterdir() if path.name.startswith(".")] == []


def test_the_store_in_place_is_not_copied(tmp_path: Path, landsat_store: PatchStore) -> None:
    store = open_store(landsat_store.path, landsat_store.digest, MemoryStorage())
    assert store.path == landsat_store.path


def test_a_store_that_changed_is_refused(
    tmp_path: Path, landsat_store: PatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    storage = RunFiles(tmp_path / "run", landsat_store.path, tmp_path / "generated")
    with pytest.raises(StoreError, match="changed while it was copied"):
        open_store(landsat_store.path, "0" * 32, storage)
    assert not (tmp_path / "stores" / ("0" * 32)).exists(), "the wrong store would be found by the next run"


def test_only_the_stores_files_are_read(tmp_path: Path, landsat_store: PatchStore) -> None:
    storage = RunFiles(tmp_path / "run", landsat_store.path, tmp_path / "generated")
    with pytest.raises(StoreError, match="no file"):
        storage.read_store("../secret", 0, 1, None)


def test_a_node_without_generated_patches_copies_those_of_the_job(
    tmp_path: Path, landsat_store: PatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    job, there = "0123456789abcdef", tmp_path / "generated" / "0123456789abcdef"
    with StoreWriter(there, bands=("B5",), classes=("a",), sensor=None, source={}, generated=True) as writer:
        writer.add(np.full((1, 4, 4), 9, dtype=np.uint8), 0)
        made = writer.close()
    storage = RunFiles(tmp_path / "run", landsat_store.path, tmp_path / "generated")
    here = open_store(there, storage.digest(job), storage, job=job)
    assert here.path == there
    copied = open_store(Path("/nowhere") / job, storage.digest(job), storage, job=job)
    assert copied.files == LocalFiles(tmp_path / "cache" / "stores" / made.digest)
    assert copied.fingerprint == made.fingerprint
    assert copied.generated


def test_where_it_does_not_fit_it_is_read_by_range_from_the_driver(
    tmp_path: Path, landsat_store: PatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", "0")
    storage = RunFiles(tmp_path / "run", landsat_store.path, tmp_path / "generated")
    told: list[StoreNews] = []
    opened = open_store(Path("/nowhere"), landsat_store.digest, storage, tell=told.append)
    assert told == [ReadingByRange(node=socket.gethostname(), total=landsat_store.files.total())]
    assert isinstance(opened.images, RangedArray)
    rows = np.random.default_rng(0).permutation(len(opened))[:32]
    assert np.array_equal(opened.images[rows], landsat_store.images[rows])


def test_a_store_behind_a_url_is_copied_without_the_driver(
    tmp_path: Path, landsat_store: PatchStore, bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    url = upload(landsat_store.path, bucket / "store")
    told: list[StoreNews] = []
    opened = open_store(url, landsat_store.digest, MemoryStorage(), tell=told.append)
    assert [(news.node, news.total) for news in told] == [(socket.gethostname(), landsat_store.files.total())]
    assert opened.files == LocalFiles(tmp_path / "stores" / landsat_store.digest)
    assert np.array_equal(opened.images, landsat_store.images)
    remove_file(url / "store.json", url)
    assert open_store(url, landsat_store.digest, MemoryStorage()).digest == opened.digest, "the copy is enough"
    with pytest.raises(StoreError, match="is not a patch store"):
        open_store(url, "0" * 32, MemoryStorage())
