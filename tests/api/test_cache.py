"""The cache of stores through the Python API."""

from pathlib import Path

import pytest

import raysat
from raysat.data.remote.copy import fetch_store
from raysat.data.store import PatchStore
from tests.helpers.remote import FolderSource


def test_copies_are_listed_and_cleared(
    tmp_path: Path, landsat_store: PatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path))
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", "1GB")
    assert "0 stores, 0 bytes of 1.0 GB" in str(raysat.store_cache()).replace("\n", " ")
    fetch_store(FolderSource(landsat_store.path), landsat_store.digest, landsat_store.path)
    cache = raysat.store_cache()
    assert cache.to_frame()["store"].tolist() == [str(landsat_store.path)]
    assert cache.to_frame()["bytes"].sum() > landsat_store.images.nbytes
    assert [store.digest for store in cache.clear()] == [landsat_store.digest]
    assert raysat.store_cache().to_frame().empty


def test_a_limit_that_is_no_size_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", "much")
    with pytest.raises(raysat.RaysatError, match="which is no size"):
        raysat.store_cache()
