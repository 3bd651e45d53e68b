"""The cache of stores: what goes when room is needed, and what never does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from raysat.data.patch_store import PatchStore
from raysat.data.remote.cache import cached_stores, clear_cache, open_cached
from raysat.data.remote.copy import fetch_store
from raysat.errors import DiskError, StorageError
from tests.helpers.data import patches, splits_of, write_store
from tests.helpers.remote import FolderSource

USE = """
import sys
from pathlib import Path
from raysat.data.remote.cache import open_cached
store = open_cached(sys.argv[1], Path("there"))
print(len(store), flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


@pytest.fixture
def stores(tmp_path: Path) -> list[PatchStore]:
    """Three stores of about the same size."""
    return [
        write_store(tmp_path / f"store{seed}", patches(seed=seed), np.arange(12) % 2, splits_of(12))
        for seed in range(3)
    ]


def size_of(store: PatchStore) -> int:
    return sum(file.stat().st_size for file in store.path.iterdir())


def fetch(store: PatchStore) -> PatchStore | None:
    return fetch_store(FolderSource(store.path), store.digest, store.path)


def digests() -> set[str]:
    return {each.digest for each in cached_stores()}


def test_what_is_cached_says_where_it_is_from_and_how_large_it_is(stores: list[PatchStore], cache: Path) -> None:
    assert cached_stores() == []
    fetch(stores[0])
    (cached,) = cached_stores()
    assert (cached.digest, cached.place) == (stores[0].digest, str(stores[0].path))
    assert cached.folder == cache / stores[0].digest
    assert size_of(stores[0]) < cached.bytes < size_of(stores[0]) + 1000


def test_the_store_that_was_opened_longest_ago_goes_first(
    stores: list[PatchStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", str(int(2.9 * size_of(stores[0]))))
    fetch(stores[0])
    fetch(stores[1])
    for age, store in ((200, stores[1]), (100, stores[0])):
        folder = next(each.folder for each in cached_stores() if each.digest == store.digest)
        os.utime(folder, (folder.stat().st_mtime - age,) * 2)
    fetch(stores[2])
    assert digests() == {stores[0].digest, stores[2].digest}
    assert open_cached(stores[0].digest, Path("there")) is not None  # which makes it the last used
    fetch(stores[1])
    assert digests() == {stores[0].digest, stores[1].digest}


def test_a_store_in_use_is_kept_and_a_new_one_then_does_not_fit(
    stores: list[PatchStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", str(int(1.9 * size_of(stores[0]))))
    used = fetch(stores[0])
    assert used is not None
    assert fetch(stores[1]) is None
    assert digests() == {stores[0].digest}
    assert np.array_equal(used.images, stores[0].images)
    del used
    assert fetch(stores[1]) is not None
    assert digests() == {stores[1].digest}


def test_nothing_is_deleted_for_a_store_that_will_not_fit_anyway(
    stores: list[PatchStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(stores[0])
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", str(size_of(stores[1]) // 2))
    assert fetch(stores[1]) is None
    assert digests() == {stores[0].digest}


def test_a_store_that_another_process_uses_stays_until_that_dies(stores: list[PatchStore]) -> None:
    fetch(stores[0])
    command = [sys.executable, "-c", USE, stores[0].digest]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "12\n"
        assert clear_cache() == []
        assert digests() == {stores[0].digest}
        process.kill()
        process.wait()
        assert [each.digest for each in clear_cache()] == [stores[0].digest]
        assert digests() == set()


def test_two_stores_that_are_copied_at_once_do_not_take_the_same_room(
    stores: list[PatchStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", str(int(1.9 * size_of(stores[0]))))
    slow = FolderSource(stores[0].path)
    slow.gate.clear()
    first = threading.Thread(target=fetch_store, args=(slow, stores[0].digest, stores[0].path))
    first.start()
    try:
        while not list((Path(os.environ["RAYSAT_CACHE"]) / "stores").glob(".*.partial/store.json")):
            pass
        assert fetch(stores[1]) is None
    finally:
        slow.gate.set()
        first.join()
    assert digests() == {stores[0].digest}


def test_links_are_neither_counted_nor_used_nor_deleted(stores: list[PatchStore], cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / stores[0].digest).symlink_to(stores[0].path)
    assert cached_stores() == []
    with pytest.raises(StorageError, match="cannot be used"):
        fetch(stores[0])
    assert clear_cache() == []
    assert len(PatchStore.open(stores[0].path)) == 12


def test_a_cache_that_is_a_link_is_refused(tmp_path: Path, cache: Path) -> None:
    cache.parent.mkdir()
    (tmp_path / "other").mkdir()
    cache.symlink_to(tmp_path / "other")
    with pytest.raises(StorageError, match="symbolic link"):
        cached_stores()


def test_a_cache_that_cannot_be_is_empty_or_one_clear_error(cache: Path) -> None:
    cache.parent.write_text("a file")
    assert cached_stores() == []
    with pytest.raises(DiskError, match="cannot be written"):
        clear_cache()
