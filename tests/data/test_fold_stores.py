"""Folds in the node's cache: those of ``raysat data split``, made once, by whom it may be, and never half."""

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from raysat.data import fold_stores as module
from raysat.data.fold_stores import by_default, fold_number, fold_stores, made_fold, read_title
from raysat.data.groups import Grouping, Groups
from raysat.data.importers.source import open_data
from raysat.data.patch_store import PatchStore, folds_of
from raysat.data.remote.cache import cached_stores, clear_cache
from raysat.data.remote.files import RangedFiles
from raysat.data.resplit import resplit
from raysat.data.split_by import SplitBy
from raysat.errors import DataError, DiskError, StoreError
from tests.helpers.data import left_behind, patches, splits_of, write_store
from tests.helpers.places import lying
from tests.helpers.remote import FolderSource

pytestmark = pytest.mark.slow

COUNT = 60
AT = np.random.default_rng(3).uniform((10, 45), (10.5, 45.4), (COUNT, 2))  # 40 x 44 km
BLOCKS = SplitBy(by="spatial", block=10_000.0, buffer=500.0, folds=3)
MAKE = """
import sys
from raysat.data.fold_stores import fold_stores
from raysat.data.patch_store import PatchStore
from raysat.data.split_by import SplitBy
how = SplitBy(by="spatial", block=10_000.0, buffer=500.0, folds=3)
made = fold_stores(PatchStore.open(sys.argv[1]), "s", how, progress=lambda done, _: done == 1 and print("reads"))
print(*(each.digest for each in made))
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


@pytest.fixture
def store(tmp_path: Path) -> PatchStore:
    return write_store(
        tmp_path / "s", patches(COUNT), np.arange(COUNT) % 2, splits_of(COUNT), places=lying(AT.tolist())
    )


def folders(cache: Path) -> list[str]:
    return [name for name in left_behind(cache) if not name.endswith(".lock")]


@pytest.mark.parametrize("how", [BLOCKS, replace(BLOCKS, buffer=0.0), replace(BLOCKS, val=0.3, seed=5)])
def test_they_are_the_stores_that_a_split_writes(store: PatchStore, tmp_path: Path, how: SplitBy) -> None:
    found = fold_stores(store, "stores/s", how)
    outs = [tmp_path / f"t-{number}" for number in (1, 2, 3)]
    split = [each.store for each in resplit(store, outs, how).made]
    assert [each.digest for each in found] == [each.digest for each in split]
    assert [each.fingerprint for each in found] == [each.fingerprint for each in split]
    for one, other in zip(found, split, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
    assert [fold_number(each, how) for each in split] == [1, 2, 3]
    assert {folds_of(each) for each in found} == {store.fingerprint}
    titles = [f"stores/s (fold {number} of 3)" for number in (1, 2, 3)]
    assert [each.title for each in found] == titles
    assert sorted(each.place for each in cached_stores()) == titles


def test_they_are_made_once(store: PatchStore, cache: Path) -> None:
    reads: list[int] = []
    first = fold_stores(store, "s", BLOCKS, progress=lambda done, _total: reads.append(done))
    assert reads
    made = {name: (cache / name).stat().st_ino for name in folders(cache)}
    reads.clear()
    again = fold_stores(PatchStore.open(store.path), "other/name", BLOCKS, progress=lambda *told: reads.append(told[0]))
    assert reads == []
    assert [each.digest for each in again] == [each.digest for each in first]
    assert {name: (cache / name).stat().st_ino for name in folders(cache)} == made
    assert len(made) == 3
    assert again[0].title == "other/name (fold 1 of 3)"


def test_another_way_to_split_is_another_set(store: PatchStore, tmp_path: Path, cache: Path) -> None:
    ways = [BLOCKS, replace(BLOCKS, seed=1), replace(BLOCKS, val=0.2), replace(BLOCKS, block=9_000.0)]
    made = [fold_stores(store, "s", how) for how in ways]
    lying_else = write_store(
        tmp_path / "u", patches(COUNT), np.arange(COUNT) % 2, splits_of(COUNT), places=lying((AT + 0.01).tolist())
    )
    assert lying_else.fingerprint == store.fingerprint
    made.append(fold_stores(lying_else, "u", BLOCKS))
    assert len(folders(cache)) == len({each.digest for stores in made for each in stores}) == 15
    for how, stores in zip([*ways, BLOCKS], made, strict=True):
        assert [fold_number(each, how) for each in stores] == [1, 2, 3]
        assert [fold_number(each, other) for each in stores for other in ways if other != how] == [None] * 3 * (
            len(ways) - 1
        )


def test_what_is_missing_or_damaged_is_made_again(store: PatchStore, cache: Path) -> None:
    first = fold_stores(store, "s", BLOCKS)
    digests = [each.digest for each in first]
    (cache / digests[1] / "labels.npy").write_bytes(b"damaged")
    del first
    assert [each.digest for each in fold_stores(store, "s", BLOCKS)] == digests
    assert len(clear_cache()) == 3
    assert [each.digest for each in fold_stores(store, "s", BLOCKS)] == digests


def test_a_set_that_was_not_finished_is_not_used(
    store: PatchStore, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int) -> None:
        if done == total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fold_stores(store, "s", BLOCKS, progress=stop)
    assert folders(cache) == []
    install, installed = module.install_folder, []

    def die(work: Path, target: Path) -> None:
        if installed:
            raise KeyboardInterrupt
        installed.append(target)
        install(work, target)

    with monkeypatch.context() as patched:
        patched.setattr(module, "install_folder", die)
        with pytest.raises(KeyboardInterrupt):
            fold_stores(store, "s", BLOCKS)
    assert len(folders(cache)) == 1
    assert len(fold_stores(store, "s", BLOCKS)) == len(folders(cache)) == 3


def test_two_at_once_make_them_once(store: PatchStore, cache: Path) -> None:
    words = [sys.executable, "-c", MAKE, str(store.path)]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate(timeout=60)[0].splitlines() for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sum("reads" in lines for lines in said) == 1
    assert said[0][-1] == said[1][-1]
    assert len(folders(cache)) == 3


def test_threads_of_one_process_make_them_once(store: PatchStore, cache: Path) -> None:
    found: list[tuple[PatchStore, ...]] = []
    threads = [threading.Thread(target=lambda: found.append(fold_stores(store, "s", BLOCKS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({tuple(each.digest for each in stores) for stores in found}) == 1
    assert len(folders(cache)) == 3


def test_a_store_that_lies_elsewhere_is_fetched_first(store: PatchStore) -> None:
    far = PatchStore.read(RangedFiles(FolderSource(store.path)), store.path)
    found = fold_stores(far, "s3://b/s", BLOCKS)
    assert [each.digest for each in found] == [each.digest for each in fold_stores(store, "s", BLOCKS)]
    assert found[0].title == "s3://b/s (fold 1 of 3)"
    assert store.digest in {each.digest for each in cached_stores()}


def test_without_a_block_groups_come_first_then_blocks_of_10_km(store: PatchStore, tmp_path: Path) -> None:
    plain = SplitBy(by="group", folds=2)
    assert by_default(store, "s", plain) == SplitBy(by="spatial", block=10_000.0, folds=2)
    images, labels = patches(COUNT), np.arange(COUNT) % 2
    codes = Groups(codes=np.arange(COUNT) % 6, grouping=Grouping(by="column"))
    told = write_store(tmp_path / "g", images, labels, splits_of(COUNT), groups=codes)
    assert by_default(told, "g", plain) == plain
    bare = write_store(tmp_path / "b", images, labels, splits_of(COUNT))
    for of, how, message in (
        (bare, plain, "b knows neither groups of its patches nor where they lie"),
        (bare, BLOCKS, "b does not know where its patches lie, as folds.block needs it"),
        (told, replace(plain, buffer=10.0), "b does not know where its patches lie, as folds.buffer needs it"),
    ):
        with pytest.raises(DataError, match=message) as caught:
            by_default(of, "b", how)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("how", "message", "hint"),
    [
        (replace(BLOCKS, folds=100), "groups of patches cannot be in 100 folds", "a smaller folds.block"),
        (replace(BLOCKS, buffer=400_000.0), "fold 1 of 3: a buffer of 400 km leaves no patch in", "folds.buffer"),
    ],
)
def test_what_cannot_be_split_leaves_nothing(
    store: PatchStore, cache: Path, how: SplitBy, message: str, hint: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        fold_stores(store, "s", how)
    assert hint in (caught.value.hint or "")
    assert folders(cache) == []


def test_a_cache_without_room_says_so(store: PatchStore, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", "1KB")
    with pytest.raises(DiskError, match=r"the folds of s take .* has no room") as caught:
        fold_stores(store, "s", BLOCKS)
    assert "RAYSAT_CACHE_LIMIT" in (caught.value.hint or "")
    assert folders(cache) == []


def test_a_fold_is_opened_by_its_title(store: PatchStore) -> None:
    found = fold_stores(store, "s", BLOCKS)
    assert read_title("stores/s (fold 2 of 5)") == ("stores/s", 2, 5)
    assert all(read_title(text) is None for text in ("s", "s (fold 0 of 5)", "s (fold 2 of 5) ", "(fold 2 of 5)"))
    opened = open_data("s (fold 2 of 3)")
    assert (opened.digest, opened.title) == (found[1].digest, "s (fold 2 of 3)")
    assert made_fold("s (fold 2 of 3)", found[0].fingerprint) is None
    assert made_fold("s (fold 2 of 3)", found[1].fingerprint) == found[1]
    with pytest.raises(StoreError, match="nor is this fold in the cache"):
        open_data("s (fold 4 of 4)")
