"""The keeper writes for workers, and hands the store to nodes that do not have it."""

import threading
from pathlib import Path

import numpy as np
import pytest
import ray

from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import StoreError
from raysat.execution.storage_actor import open_anywhere, open_generated, start_keeper


def test_a_node_without_the_store_copies_it_once(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    keeper = start_keeper(tmp_path / "run", landsat_store.path, tmp_path / "generated")
    opened: list[PatchStore] = []

    def worker() -> None:
        opened.append(open_anywhere("/nowhere", landsat_store.fingerprint, keeper))

    workers = [threading.Thread(target=worker) for _ in range(2)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert [store.path for store in opened] == [tmp_path / "stores" / landsat_store.fingerprint] * 2
    assert np.array_equal(opened[0].images, landsat_store.images)
    assert [path.name for path in (tmp_path / "stores").iterdir() if path.name.startswith(".")] == []
    ray.kill(keeper)


def test_the_store_in_place_is_not_copied(tmp_path: Path, landsat_store: PatchStore) -> None:
    store = open_anywhere(str(landsat_store.path), landsat_store.fingerprint, keeper=None)
    assert store.path == landsat_store.path


def test_a_store_that_changed_is_refused(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    keeper = start_keeper(tmp_path / "run", landsat_store.path, tmp_path / "generated")
    with pytest.raises(StoreError, match="changed while the study ran"):
        open_anywhere(str(landsat_store.path), "0" * 32, keeper)
    ray.kill(keeper)
    assert not (tmp_path / "stores" / ("0" * 32)).exists(), "the wrong store would be found by the next run"


def test_only_the_stores_files_are_read(tmp_path: Path, landsat_store: PatchStore, ray_session: None) -> None:
    keeper = start_keeper(tmp_path / "run", landsat_store.path, tmp_path / "generated")
    with pytest.raises(StoreError, match="no file"):
        ray.get(keeper.read_store.remote("../secret", 0))
    ray.kill(keeper)


def test_a_node_without_generated_patches_copies_those_of_the_job(
    tmp_path: Path, landsat_store: PatchStore, ray_session: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    job, there = "0123456789abcdef", tmp_path / "generated" / "0123456789abcdef"
    with StoreWriter(there, bands=("B5",), classes=("a",), sensor=None, source={}, generated=True) as writer:
        writer.add(np.full((1, 4, 4), 9, dtype=np.uint8), 0)
        made = writer.close()
    keeper = start_keeper(tmp_path / "run", landsat_store.path, tmp_path / "generated")
    (here,) = open_generated(str(tmp_path / "generated"), [job], keeper)
    assert here.path == there
    (copied,) = open_generated("/nowhere", [job], keeper)
    ray.kill(keeper)
    assert copied.path == tmp_path / "cache" / "stores" / made.fingerprint
    assert copied.fingerprint == made.fingerprint
    assert copied.generated
