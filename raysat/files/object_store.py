"""What ``raysat.files`` does in object stores: read, put, put if absent, list, delete; through obstore.

Disks keep raysat's own writer: obstore's store of local files does not sync them, so a power cut could lose what was
said to be written.
"""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final, TypeVar

from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore, from_url
from typing_extensions import override

from raysat.errors import DiskError, RaysatError, StorageError
from raysat.files.object_errors import asking
from raysat.files.objects import AnyPath, ObjectPath

_T = TypeVar("_T")
_R = TypeVar("_R")
_BLOCK: Final = 8 << 20  # bytes of a part, and of what is read ahead
_QUICK: Final = 1 << 20  # bytes of the largest request that must be answered soon
_AT_ONCE: Final = 16  # requests of ``map_at_once``
_PARTS: Final = 4  # of one object at a time
_YES: Final = frozenset({"1", "true", "yes", "y", "on"})


@dataclass(frozen=True, slots=True)
class ObjectEntry:
    """What lies in a folder of an object store: an object or a folder."""

    name: str
    path: ObjectPath


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a store says of an object without reading it."""

    name: str  # its path below the folder that was asked about
    size: int
    tag: str  # another for other content; empty where the store gives none
    changed: float  # seconds since 1970, by the store's clock


@cache
def bucket_store(bucket: str, *, patient: bool = False) -> ObjectStore:
    """The store of a bucket, made once; what it is asked ends in 15 s where there is no answer, unless patient."""
    limits = {"connect_timeout": "4s", "timeout": "2m" if patient else "1h"} | (
        {} if patient else {"read_timeout": "8s"}
    )
    if any(os.environ.get(f"{cloud}ALLOW_HTTP", "").lower() in _YES for cloud in ("AWS_", "AZURE_", "")):
        limits["allow_http"] = "true"
    backoff: Any = {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=1), "base": 2}
    retry: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=8), "backoff": backoff}
    options: Any = limits
    made: ObjectStore = from_url(bucket, client_options=options, retry_config=retry)
    return made


class _Reader(io.RawIOBase):
    """An object as a file to read, by ranges."""

    def __init__(self, path: ObjectPath, size: int) -> None:
        self._path, self._size, self._at = path, size, 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    @override
    def tell(self) -> int:
        return self._at

    @override
    def readinto(self, buffer: Any) -> int:
        number = min(len(buffer), self._size - self._at)
        if number <= 0:
            return 0
        with asking(self._path, "read"):
            block = bucket_store(self._path.bucket).get_range(self._path.key, start=self._at, length=number)
        buffer[: len(block)] = memoryview(block)
        self._at += len(block)
        return len(block)


@contextmanager
def open_object(
    path: ObjectPath, *, max_bytes: int, remedy: str | None = None, error: type[RaysatError] = StorageError
) -> Iterator[io.BufferedReader[Any]]:
    """Open an object to read by ranges; else as ``open_regular``.

    Args:
        path: the object.
        max_bytes: a larger one is refused.
        remedy: hint of the error for one that is missing or too large.
        error: kind of error to raise.

    Yields:
        The open object, at its start.

    Raises:
        StorageError: or the given kind: it is missing or too large.
        DiskError: the store cannot be asked.
    """
    with asking(path, "read", remedy, error):
        size = bucket_store(path.bucket).head(path.key)["size"]
    if size > max_bytes:
        raise _too_large(path, max_bytes, remedy, error)
    with io.BufferedReader(_Reader(path, size), _BLOCK) as file:
        yield file


def read_object(
    path: ObjectPath, *, max_bytes: int, remedy: str | None = None, error: type[RaysatError] = StorageError
) -> bytes:
    """Read a whole object, with one request; else as ``open_object``.

    Args:
        path: the object.
        max_bytes: a larger one is refused.
        remedy: hint of the error for one that is missing or too large.
        error: kind of error to raise.

    Returns:
        Its content.

    Raises:
        StorageError: or the given kind: it is missing or too large.
        DiskError: the store cannot be asked.
    """
    with asking(path, "read", remedy, error):
        found = bucket_store(path.bucket).get(path.key)
        if found.meta["size"] <= max_bytes:
            return bytes(found.bytes())
    raise _too_large(path, max_bytes, remedy, error)


def object_exists(path: ObjectPath, error: type[RaysatError] = StorageError) -> bool:
    """Whether there is an object of this name. Raises DiskError where that cannot be told."""
    with asking(path, "read", error=error):
        try:
            bucket_store(path.bucket).head(path.key)
        except FileNotFoundError:
            return False
    return True


def object_facts(path: ObjectPath) -> ObjectFacts | None:
    """What a store says of one object, called by its own name; None where there is none. Raises DiskError."""
    with asking(path, "read"):
        try:
            found = bucket_store(path.bucket).head(path.key)
        except FileNotFoundError:
            return None
    name = path.key.rpartition("/")[2]
    return ObjectFacts(name, found["size"], found.get("e_tag") or "", found["last_modified"].timestamp())


def object_entries(folder: ObjectPath, error: type[RaysatError] = StorageError) -> list[ObjectEntry]:
    """The objects and folders in a folder, by name; nothing where there is none. Raises the error without a bucket."""
    with asking(folder, "read", error=error):
        found = bucket_store(folder.bucket).list_with_delimiter(folder.key or None)
    keys = [*found["common_prefixes"], *(each["path"] for each in found["objects"])]
    names = sorted({key.rstrip("/").rpartition("/")[2] for key in keys})
    return [ObjectEntry(name, folder / name) for name in names]


def put_object(path: ObjectPath, content: bytes) -> None:
    """Replace an object at once; when this returns it is stored. Raises DiskError; StorageError without a bucket."""
    size = len(content)
    with asking(path, "written"):
        store = bucket_store(path.bucket, patient=size > _QUICK)
        store.put(path.key, content, use_multipart=size > _BLOCK, chunk_size=_BLOCK, max_concurrency=_PARTS)


def put_if_absent(path: ObjectPath, content: bytes) -> bool:
    """Make a small object, unless there is one of its name.

    An answer that was lost makes obstore ask again, and find the object that it made: who must know whether it was
    first puts something into the content that nobody else has.

    Args:
        path: the object.
        content: of at most some megabytes.

    Returns:
        Whether the object now holds this content: it was made, here or by another.

    Raises:
        StorageError: there is no such bucket.
        DiskError: the store cannot be asked, or cannot put if absent.
    """
    try:
        with asking(path, "written"):
            bucket_store(path.bucket).put(path.key, content, mode="create", use_multipart=False)
    except AlreadyExistsError:
        return read_object(path, max_bytes=1 << 30) == content
    return True


def check_put_if_absent(folder: ObjectPath) -> None:
    """Raise DiskError where a store cannot put an object only where there is none, by trying it in a folder."""
    probe = folder / f"probe-{secrets.token_hex(8)}"
    try:
        can = put_if_absent(probe, b"1") and not put_if_absent(probe, b"2")
    finally:
        with suppress(StorageError):
            delete_objects([probe])
    if not can:
        raise DiskError(
            f"{folder} cannot be used: its store puts an object where there is one (it ignores If-None-Match)",
            hint="two runs could not be told apart there: choose another store, or a folder of a disk",
        )


def delete_objects(paths: Sequence[ObjectPath]) -> None:
    """Delete objects of one bucket, those that are there. Raises DiskError."""
    if paths:
        with asking(paths[0], "deleted"):
            try:
                bucket_store(paths[0].bucket).delete([path.key for path in paths])
            except FileNotFoundError as caught:
                if "NoSuchBucket" in str(caught):
                    raise


def objects_below(folder: ObjectPath) -> list[ObjectPath]:
    """Every object below a folder, at whatever depth. Raises DiskError; StorageError without a bucket."""
    with asking(folder, "read"):
        pages = bucket_store(folder.bucket).list(folder.key or None, chunk_size=1000)
        return [ObjectPath(f"{folder.bucket}/{each['path']}") for page in pages for each in page]


def map_at_once(place: AnyPath, function: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    """Call a function that reads below a place with each of some items: several at a time where each call waits.

    Args:
        place: where it reads; on a disk one call follows the other.
        function: of one item.
        items: in order.

    Returns:
        What it returns of each, in order.
    """
    if not isinstance(place, ObjectPath) or len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as threads:
        return list(threads.map(function, items))


def describe_objects(folder: ObjectPath, error: type[RaysatError] = StorageError) -> Iterator[ObjectFacts]:
    """What every object below a folder is, a thousand a request. Raises DiskError; the error without a bucket."""
    skip = len(f"{folder.key}/") if folder.key else 0
    with asking(folder, "read", error=error):
        for page in bucket_store(folder.bucket).list(folder.key or None, chunk_size=1000):
            for each in page:
                changed = each["last_modified"].timestamp()
                yield ObjectFacts(each["path"][skip:], each["size"], each.get("e_tag") or "", changed)


def _too_large(path: ObjectPath, max_bytes: int, remedy: str | None, error: type[RaysatError]) -> RaysatError:
    return error(f"{path} cannot be read: it is larger than {max_bytes:,} bytes", hint=remedy)
