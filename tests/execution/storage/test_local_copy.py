"""Before Ray starts on this machine, its cache has the run's store, and keeps it as long as the run takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from raysat.data.importers.source import open_data
from raysat.data.remote.cache import cached_stores, clear_cache
from raysat.data.store import PatchStore
from raysat.execution.events import Event
from raysat.execution.storage.local_copy import store_on_this_machine
from raysat.execution.store_news import Copying, ReadingByRange
from raysat.files import ObjectPath
from tests.helpers.remote import upload


@pytest.fixture
def remote(
    landsat_store: PatchStore, bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PatchStore:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    return open_data(str(upload(landsat_store.path, bucket / "store")))


def test_it_is_copied_with_progress_and_kept(remote: PatchStore) -> None:
    events: list[Event] = []
    with store_on_this_machine(remote, None, events.append):
        assert [store.digest for store in cached_stores()] == [remote.digest]
        assert clear_cache() == []
    total = remote.files.total()
    assert events[-1] == Copying(done=total, total=total)
    assert [store.digest for store in clear_cache()] == [remote.digest]


def test_what_does_not_fit_is_said(remote: PatchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", "0")
    events: list[Event] = []
    with store_on_this_machine(remote, None, events.append):
        assert events == [ReadingByRange(total=remote.files.total())]


def test_on_a_cluster_each_node_copies_for_itself(remote: PatchStore) -> None:
    with store_on_this_machine(remote, "auto", pytest.fail):
        assert cached_stores() == []


def test_a_store_on_a_disk_is_used_where_it_is(landsat_store: PatchStore) -> None:
    with store_on_this_machine(landsat_store, None, pytest.fail):
        pass
