"""Copies a store into the node's cache: by ranges in parallel, checked by hash, whole or not at all.

The fingerprint in ``store.json`` is a hash of what a store holds: pixels, labels, splits, names. It is computed again
from the copy, and so are the values of nodata pixels; what else ``store.json`` says is compared with its own checksum,
as on every opening. So a copy is what its origin says that it is, whatever happened on the way.

Of several processes of a node one copies, and the others wait for it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from raysat.data.importers.base import Progress, no_progress
from raysat.data.patch_store import PatchStore
from raysat.data.remote.cache import ORIGIN, Origin, bytes_copied, filling_cache, open_cached, reserve
from raysat.data.remote.source import Source
from raysat.data.store_files import META, OPTIONAL, STORE_FILES
from raysat.data.verify import content_faults
from raysat.errors import StoreError, prefixed
from raysat.files import AnyPath, install_folder, partial_folder, sync_file
from raysat.files.locks import exclusive_now

_AGAIN: Final = "run the same command again"
_LOOK_S: Final = 0.2  # between two looks at how far another process has copied


def fetch_store(source: Source, digest: str, path: AnyPath, *, progress: Progress = no_progress) -> PatchStore | None:
    """Open a store from the node's cache, into which it is copied first where it is not there.

    Args:
        source: where its files are.
        digest: of its ``store.json``.
        path: what the store is called by.
        progress: called with the bytes copied so far and in all, here or by the process that is waited for.

    Returns:
        The store; None where it does not fit the cache.

    Raises:
        StoreError: it is damaged, incomplete, or changed while it was copied.
        DiskError: it cannot be reached, or the cache cannot be written.
    """
    total = 0
    while True:
        if store := _opened(digest, path):
            return store
        with filling_cache() as root, exclusive_now(root / f"{digest}.lock") as ours:
            if ours:
                return _opened(digest, path) or _copy(source, digest, path, root / digest, progress)
        total = total or sum(_sizes(source).values())
        progress(min(bytes_copied(digest), total), total)
        time.sleep(_LOOK_S)


def _opened(digest: str, path: AnyPath) -> PatchStore | None:
    """Open a store of the cache; None also where it is damaged, since it is then copied again."""
    try:
        return open_cached(digest, path)
    except StoreError:
        return None


def _copy(source: Source, digest: str, path: AnyPath, target: Path, progress: Progress) -> PatchStore | None:
    """Copy a store into the cache, check it and open it; None where it does not fit."""
    sizes = _sizes(source)
    with partial_folder(target) as work:
        if not reserve(work, sizes):
            return None
        copy_files(source, sizes, work, progress)
        with prefixed(f"the copy of {source.place}", StoreError):
            copied = PatchStore.open(work)
            if copied.digest != digest:
                raise StoreError("the store changed while it was copied", hint=_AGAIN)
            if faults := content_faults(copied):
                raise StoreError("; ".join(faults), hint="was the store changed? Check it with {raysat data verify}")
        (work / ORIGIN).write_text(Origin(place=str(source.place)).model_dump_json(), encoding="utf-8")
        for name in (*sizes, ORIGIN):
            sync_file(work / name)
        install_folder(work, target)
        return open_cached(digest, path)  # before another process may delete it


def copy_files(source: Source, sizes: Mapping[str, int], folder: Path, progress: Progress) -> None:
    """Copy the files of a store by range.

    Args:
        source: where they are.
        sizes: bytes by file.
        folder: where files of these sizes are, which are filled.
        progress: called with the bytes copied so far and in all.

    Raises:
        StoreError: the store changed.
        DiskError: it cannot be reached.
        OSError: a file cannot be written.
    """
    total, done = sum(sizes.values()), 0
    step = source.part
    ranges = [(name, start, min(start + step, size)) for name, size in sizes.items() for start in range(0, size, step)]
    with ExitStack() as stack:
        handles = {name: os.open(folder / name, os.O_WRONLY | os.O_CLOEXEC) for name in sizes}
        for handle in handles.values():
            stack.callback(os.close, handle)
        pool = stack.enter_context(ThreadPoolExecutor(source.parallel))

        def copy(name: str, start: int, stop: int) -> int:
            left = memoryview(source.read(name, start, stop))
            if len(left) != stop - start:
                raise StoreError(f"{source.place}/{name} changed while it was copied", hint=_AGAIN)
            while left:
                written = os.pwrite(handles[name], left, stop - len(left))
                left = left[written:]
            return stop - start

        copies = [pool.submit(copy, *each) for each in ranges]
        try:
            for each in as_completed(copies):
                done += each.result()
                progress(done, total)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _sizes(source: Source) -> dict[str, int]:
    """Bytes by file of a store, which has all that a store must have."""
    sizes = {name: source.size(name) for name in STORE_FILES}
    for name, size in sizes.items():
        if size is None and name not in OPTIONAL:
            made = "make one with {raysat data import}"
            raise StoreError(f"{source.place} is not a patch store (no {name})", hint=made if name == META else None)
    return {name: size for name, size in sizes.items() if size is not None}
