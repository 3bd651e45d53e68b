"""Copies of stores: whole or not at all, equal to what they are copied from, and made by one process of several."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raysat.data.patch_store import PatchStore
from raysat.data.remote.cache import cached_stores
from raysat.data.remote.copy import copy_files, fetch_store
from raysat.data.verify import verify_store
from raysat.errors import DiskError, StoreError
from tests.helpers.data import patches, quick, splits_of, write_store
from tests.helpers.paths import ROOT
from tests.helpers.remote import FolderSource


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    """A store with nodata."""
    missing = np.random.default_rng(1).random((12, 2, 5, 5)) < 0.2
    return write_store(tmp_path / "store", patches(), np.arange(12) % 2, splits_of(12), missing)


def fetch(store: PatchStore, source: FolderSource | None = None) -> PatchStore | None:
    return fetch_store(source or FolderSource(store.path), store.digest, store.path)


def test_a_copy_is_the_store_to_the_byte(store: PatchStore, cache: Path) -> None:
    copied = fetch(store)
    assert copied == store
    assert verify_store(copied)
    for name in ("images.npy", "labels.npy", "nodata.npy", "store.json"):
        assert (cache / store.digest / name).read_bytes() == (store.path / name).read_bytes()
    assert np.array_equal(copied.missing(np.arange(12), 1), store.missing(np.arange(12), 1))


def test_it_is_copied_once(store: PatchStore) -> None:
    first, second = FolderSource(store.path), FolderSource(store.path)
    fetch(store, first)
    assert fetch(store, second) == store
    assert first.reads
    assert not second.reads


@quick
@given(size=st.integers(0, 2_000), step=st.integers(1, 1_000), parallel=st.integers(1, 5))
def test_ranges_of_any_size_fill_files_of_any_size(
    size: int, step: int, parallel: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("copy")
    content = np.random.default_rng(size).bytes(size)
    (folder / "there").mkdir()
    (folder / "there" / "images.npy").write_bytes(content)
    (folder / "images.npy").write_bytes(bytes(size))
    seen: list[int] = []
    source = FolderSource(folder / "there", parallel=parallel, part=step)
    copy_files(source, {"images.npy": size}, folder, lambda done, total: seen.append(done))
    assert (folder / "images.npy").read_bytes() == content
    assert seen == sorted(seen)
    assert (seen or [0])[-1] == size


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "nodata.npy", "store.json"])
def test_a_byte_that_changes_on_the_way_is_found(store: PatchStore, cache: Path, name: str) -> None:
    file = store.path / name
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"the copy of .*store") as caught:
        fetch(store)
    assert "\n" not in caught.value.message
    assert cached_stores() == []
    assert not [each for each in cache.iterdir() if not each.name.endswith(".lock")]


def test_a_store_without_its_images_is_no_store(store: PatchStore) -> None:
    (store.path / "images.npy").unlink()
    with pytest.raises(StoreError, match=r"not a patch store \(no images.npy\)"):
        fetch(store)


def test_another_store_in_its_place_is_refused(store: PatchStore, tmp_path: Path) -> None:
    other = write_store(tmp_path / "other", patches(seed=5), np.arange(12) % 2, splits_of(12))
    with pytest.raises(StoreError, match="changed while it was copied"):
        fetch_store(FolderSource(other.path), store.digest, store.path)
    assert cached_stores() == []


def test_a_damaged_copy_is_made_anew(store: PatchStore, cache: Path) -> None:
    fetch(store)
    (cache / store.digest / "images.npy").unlink()
    assert fetch(store) == store
    assert not list(cache.glob(".*"))


def test_the_first_of_several_copies_and_the_others_wait_with_progress(store: PatchStore) -> None:
    source = FolderSource(store.path)
    source.gate.clear()
    opened: list[PatchStore | None] = []
    waited: list[tuple[int, int]] = []

    def worker() -> None:
        opened.append(
            fetch_store(source, store.digest, store.path, progress=lambda done, total: waited.append((done, total)))
        )

    workers = [threading.Thread(target=worker) for _ in range(3)]
    for thread in workers:
        thread.start()
    while not waited:
        pass
    source.gate.set()
    for thread in workers:
        thread.join()
    assert opened == [store] * 3
    assert len(source.reads) == 4, "each file was read once"
    total = sum(file.stat().st_size for file in store.path.iterdir())
    assert {total for _, total in waited} == {total}


def test_what_a_killed_process_left_half_copied_is_removed(store: PatchStore, cache: Path) -> None:
    left = cache / f".{store.digest}-0123abcd.partial"
    shutil.copytree(store.path, left)
    (left / "images.npy").write_bytes(b"half")
    other = cache / f".{'0' * 32}-0123abcd.partial"
    other.mkdir()
    assert fetch(store) == store
    assert not left.exists()
    assert not other.exists()


FETCH = """
import sys
from pathlib import Path
from raysat.data.remote.copy import fetch_store
from tests.helpers.remote import FolderSource

class Slow(FolderSource):
    def read(self, name, start, stop):
        if name == "store.json":
            print("copying", flush=True)
            sys.stdin.readline()
        return super().read(name, start, stop)

source = Slow(Path(sys.argv[1]))
fetch_store(source, sys.argv[2], source.place)
"""


def test_a_process_that_is_killed_while_it_copies_hinders_nobody(store: PatchStore, cache: Path) -> None:
    command = [sys.executable, "-c", FETCH, str(store.path), store.digest]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout.readline() == "copying\n"
        assert len(list(cache.glob(".*.partial"))) == 1
        process.kill()
        process.wait()
    assert fetch(store) == store
    assert not list(cache.glob(".*"))


def test_a_disk_that_fails_is_one_clear_error(store: PatchStore, cache: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        with pytest.raises(DiskError, match=f"{cache} cannot be written: File too large") as caught:
            fetch(store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "RAYSAT_CACHE" in (caught.value.hint or "")
    assert not list(cache.glob(".*"))


def test_a_cache_that_cannot_be_made_is_one_clear_error(store: PatchStore, cache: Path) -> None:
    cache.parent.write_text("a file")
    with pytest.raises(DiskError, match=f"{cache} cannot be written: ") as caught:
        fetch(store)
    assert "RAYSAT_CACHE" in (caught.value.hint or "")
