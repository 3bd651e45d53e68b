"""Stores behind a URL, in a real S3 server: opened by range or from the cache, copied, replaced, damaged."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import numpy as np
import pytest

from raysat.data.importers.source import open_data
from raysat.data.patch_store import PatchStore
from raysat.data.remote.cache import cached_stores
from raysat.data.remote.copy import fetch_store
from raysat.data.remote.object_source import ObjectSource
from raysat.data.remote.open import copy_to_node
from raysat.data.remote.ranged_array import RangedArray
from raysat.data.verify import verify_store
from raysat.errors import DiskError, StoreError, UsageError
from raysat.files import ObjectPath, remove_file, write_atomic
from tests.helpers.data import patches, splits_of, write_store
from tests.helpers.remote import upload

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYSAT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


@pytest.fixture
def local(tmp_path: Path) -> PatchStore:
    """A store with nodata, on a disk."""
    missing = np.random.default_rng(1).random((12, 2, 5, 5)) < 0.2
    return write_store(tmp_path / "store", patches(), np.arange(12) % 2, splits_of(12), missing)


@pytest.fixture
def url(local: PatchStore, bucket: ObjectPath) -> ObjectPath:
    """The same store in an object store."""
    return upload(local.path, bucket / "a" / "store")


def same(one: PatchStore, other: PatchStore) -> bool:
    rows = np.arange(len(one))
    return (
        np.array_equal(one.images[rows], other.images[rows])
        and np.array_equal(one.missing(rows, 0), other.missing(rows, 0))
        and (one.labels.tolist(), one.splits.tolist()) == (other.labels.tolist(), other.splits.tolist())
        and (one.stats, one.bands, one.fingerprint) == (other.stats, other.bands, other.fingerprint)
    )


def test_a_store_behind_a_url_is_opened_without_a_copy(url: ObjectPath, local: PatchStore) -> None:
    opened = open_data(str(url))
    assert isinstance(opened.images, RangedArray)
    assert opened.path == url
    assert same(opened, local)
    assert verify_store(opened)
    assert cached_stores() == []


def test_it_is_copied_once_a_node_and_then_opened_from_the_copy(url: ObjectPath, local: PatchStore) -> None:
    copied = copy_to_node(open_data(str(url)))
    assert isinstance(copied.images, np.memmap)
    assert same(copied, local)
    assert [each.place for each in cached_stores()] == [str(url)]
    again = open_data(str(url))
    assert isinstance(again.images, np.memmap)
    assert again.path == url
    assert copy_to_node(again) is again


def test_where_it_does_not_fit_it_is_read_by_range(
    url: ObjectPath, local: PatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYSAT_CACHE_LIMIT", "0")
    opened = open_data(str(url))
    assert copy_to_node(opened) is opened
    assert same(opened, local)


def test_another_store_under_the_same_url_is_another_store(url: ObjectPath, tmp_path: Path) -> None:
    first = copy_to_node(open_data(str(url)))
    remove_file(url / "nodata.npy", url)
    upload(write_store(tmp_path / "other", patches(seed=9), np.arange(12) % 2, splits_of(12)).path, url)
    second = open_data(str(url))
    assert second.fingerprint != first.fingerprint
    assert copy_to_node(second).fingerprint == second.fingerprint
    assert len(cached_stores()) == 2


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "store.json"])
def test_a_file_that_is_replaced_while_the_store_is_open_is_noticed(
    url: ObjectPath, local: PatchStore, name: str
) -> None:
    opened = open_data(str(url))
    content = (local.path / name).read_bytes()
    write_atomic(url / name, content[:-4] + bytes(4))
    with pytest.raises(StoreError, match=f"{name} was replaced while it was read"):
        copy_to_node(opened)
    assert cached_stores() == []


def test_a_store_that_is_damaged_there_is_refused_when_it_is_copied(url: ObjectPath, local: PatchStore) -> None:
    content = bytearray((local.path / "nodata.npy").read_bytes())
    content[-8] ^= 0b100
    write_atomic(url / "nodata.npy", bytes(content))
    opened = open_data(str(url))
    with pytest.raises(StoreError, match=f"the copy of {url}: ") as caught:
        copy_to_node(opened)
    assert "\n" not in caught.value.message
    assert cached_stores() == []


def test_a_copy_that_stops_midway_leaves_nothing(url: ObjectPath, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_data(str(url))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_to_node(opened, progress=stop)
    assert [each.name for each in cache.iterdir() if not each.name.endswith(".lock")] == []
    assert copy_to_node(opened).digest == opened.digest


def objects() -> bytes:
    """An .npy file of Python objects, which are pickled."""
    content = io.BytesIO()
    np.save(content, np.array([{}], object))
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "images.npy cannot be read: it is not an .npy file"),
        (objects(), "it holds Python objects, not numbers"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"x" * 70_000, "its header has 65,535 bytes"),
    ],
)
def test_hostile_images_are_one_clear_error(url: ObjectPath, content: bytes, what: str) -> None:
    write_atomic(url / "images.npy", content)
    with pytest.raises(StoreError, match=what) as caught:
        open_data(str(url))
    assert "\n" not in caught.value.message


def test_what_is_no_store_says_so(bucket: ObjectPath, url: ObjectPath) -> None:
    with pytest.raises(StoreError, match=r"nothing is not a patch store \(no store.json\)"):
        open_data(f"{bucket}/nothing")
    with pytest.raises(StoreError, match="there is no bucket s3://no-such-bucket"):
        open_data("s3://no-such-bucket/store")
    with pytest.raises(UsageError, match=r"https://example\.com/store is no URL of an object store"):
        open_data("https://example.com/store")
    write_atomic(url / "store.json", "[" * 1000)
    with pytest.raises(StoreError, match=r"store\.json cannot be read"):
        open_data(str(url))


def test_a_path_as_a_file_url_is_that_path(local: PatchStore) -> None:
    assert open_data(f"file://{local.path}") == local


def test_a_store_that_cannot_be_reached_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    with pytest.raises(DiskError, match="cannot be reached") as caught:
        open_data("s3://bucket-of-a-server-that-is-gone/store")
    assert "\n" not in caught.value.message


def test_parts_are_copied_several_at_a_time(url: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[str] = set()
    plain = ObjectSource.read

    def read(self: ObjectSource, name: str, start: int, stop: int) -> object:
        seen.add(threading.current_thread().name)
        return plain(self, name, start, stop)

    monkeypatch.setattr(ObjectSource, "read", read)
    opened = open_data(str(url))
    copied = fetch_store(ObjectSource(url, parallel=6, part=64), opened.digest, url)
    assert verify_store(copied)
    assert len(seen) > 3
