"""Opens stores that lie elsewhere: from the node's cache, or by range."""

from __future__ import annotations

from raysat.data.importers.base import Progress, no_progress
from raysat.data.patch_store import PatchStore, store_digest
from raysat.data.remote.cache import open_cached
from raysat.data.remote.copy import fetch_store
from raysat.data.remote.files import RangedFiles
from raysat.data.remote.object_source import ObjectSource
from raysat.data.remote.source import Source
from raysat.data.store_files import META
from raysat.errors import StoreError
from raysat.files import AnyPath, ObjectPath


def open_remote(source: Source, path: AnyPath) -> PatchStore:
    """Open a store without copying it: from the node's cache where it is there, else by range.

    Its ``store.json`` is read from where it lies, so what is opened is what is there now.

    Args:
        source: where its files are.
        path: what it is called by.

    Returns:
        The store.

    Raises:
        StoreError: it is missing or damaged.
        DiskError: it cannot be reached.
    """
    files = RangedFiles(source)
    if files.size(META) is not None:
        try:
            if cached := open_cached(store_digest(files.read_meta()), path):
                return cached
        except StoreError:  # the copy is damaged: it is made anew when the store is trained on
            pass
    return PatchStore.read(files, path)


def at_origin(store: PatchStore) -> PatchStore:
    """The store as it lies behind its URL now, also where this node has a copy. Raises StoreError, DiskError."""
    if isinstance(store.path, ObjectPath):
        return PatchStore.read(RangedFiles(ObjectSource(store.path)), store.path)
    return store


def copy_to_node(store: PatchStore, *, progress: Progress = no_progress) -> PatchStore:
    """The same store from a disk of this machine; as it is, where it does not fit the node's cache.

    Args:
        store: an open store.
        progress: called with the bytes copied so far and in all, where it is copied.

    Returns:
        The store.

    Raises:
        StoreError: it is damaged, or changed since it was opened.
        DiskError: it cannot be reached, or the cache cannot be written.
    """
    if not isinstance(store.files, RangedFiles):
        return store
    return fetch_store(store.files.source, store.digest, store.path, progress=progress) or store
