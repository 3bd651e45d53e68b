"""The node's cache of patch stores: what is in it, what a process uses of it, and room for one more.

    <cache>/stores/<digest>/      a store like any other, under the digest of its store.json
        origin.json               where it was copied from, for people; of a fold, how it was made (fold_stores.py)
    <cache>/stores/<digest>.lock  held by who copies it, or makes folds
    <cache>/stores/room.lock      held by who makes room

A store that a process uses is held by a lock on its folder, and never deleted. What is copied just now counts with the
size that it will have. The least recently used stores go first; when one was last opened is its folder's time.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from raysat.data.patch_store import PatchStore
from raysat.data.remote.limit import cache_limit
from raysat.data.store_files import LocalFiles
from raysat.errors import DiskError, RaysatError, StoreError, prefixed
from raysat.files import (
    AnyPath,
    FileModel,
    cache_folder,
    check_real_folder,
    folder_entries,
    read_model,
    remove_tree,
    sweep_partial,
    writing,
)
from raysat.files.fields import Line
from raysat.files.locks import exclusive, free_folder, hold_folder

ORIGIN: Final = "origin.json"
_DIGEST: Final = re.compile(r"[0-9a-f]{32}")
_PARTIAL: Final = re.compile(r"\.(?P<digest>[0-9a-f]{32})-[0-9a-z_]{8}\.partial")


class Origin(FileModel):
    """Where a store was copied from, or what it was made of."""

    format: Literal[1] = 1
    place: Line
    made_by: Annotated[str, Field(pattern=r"^([0-9a-f]{32}-[0-9]{1,3})?$")] = ""  # of a fold: how, and its number


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedStore:
    """A store in the cache."""

    digest: str
    folder: Path
    place: str  # where it was copied from; empty where that is not known
    made_by: str  # of a fold that was made here: a digest of how, and its number (``fold_stores.py``); else empty
    bytes: int
    used: float  # when it was last opened, in seconds since 1970, UTC


def stores_folder() -> Path:
    """Where the stores are. Raises StorageError where a link is in its place."""
    folder = cache_folder() / "stores"
    check_real_folder(folder)
    return folder


@contextmanager
def filling_cache(folder: Path | None = None) -> Iterator[Path]:
    """Write into the user's cache.

    Args:
        folder: of it; by default that of stores.

    Yields:
        The folder, which is there.

    Raises:
        DiskError: it cannot be written.
        StorageError: a link is in the place of that of stores.
    """
    root = stores_folder() if folder is None else folder
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        yield root
    except OSError as caught:
        full = caught.errno in {errno.ENOSPC, errno.EDQUOT}
        hint = "free some space there, or name a larger disk" if full else "name a folder that you may write in"
        raise DiskError(
            f"{root} cannot be written: {caught.strerror or caught}", hint=f"{hint} with RAYSAT_CACHE"
        ) from caught


def cached_stores() -> list[CachedStore]:
    """What is in the cache, the most recently used first."""
    found = [_describe(folder) for folder in _folders(stores_folder(), _DIGEST)]
    return sorted(found, key=lambda store: store.used, reverse=True)


def open_cached(digest: str, path: AnyPath) -> PatchStore | None:
    """Open a store of the cache, which stays there as long as it is used.

    Args:
        digest: of its ``store.json``.
        path: what it is called by: where it was copied from.

    Returns:
        The store; None where the cache does not have it.

    Raises:
        StoreError: what is there is damaged.
    """
    folder = stores_folder() / digest
    hold = hold_folder(folder)
    if hold is None:
        return None
    with suppress(OSError):  # the cache may be another user's
        os.utime(folder, ns=(time.time_ns(), time.time_ns()))  # finer than the clock of files
    with prefixed(f"the copy of {path}", StoreError):
        store = PatchStore.read(LocalFiles(folder), path, hold=hold)
        if store.digest != digest:
            raise StoreError(f"{folder} holds another store")
    return store


def cache_room() -> int:
    """Bytes that the stores of the cache may take together."""
    held = sum(store.bytes for store in cached_stores())
    return cache_limit(held, shutil.disk_usage(_nearest(stores_folder())).free)


def clear_cache() -> list[CachedStore]:
    """Delete what nobody uses; returns what was deleted."""
    root = stores_folder()
    with exclusive(root / "room.lock"):
        sweep_partial(root)
        return [store for store in cached_stores() if _delete(store)]


def reserve(work: Path, sizes: Mapping[str, int]) -> bool:
    """Make room for a store, and its empty files with the size that they will have; deletes nothing in vain.

    Args:
        work: its partial folder, in the folder of stores.
        sizes: bytes by file.

    Returns:
        Whether it fits beside what is in use, within the limit and on the disk.

    Raises:
        OSError: the disk fails.
        UsageError: the limit is no size.
    """
    root = work.parent
    with exclusive(root / "room.lock"):
        if not _make_room(root, sum(sizes.values())):
            return False
        for name, size in sizes.items():
            with (work / name).open("xb") as file:
                file.truncate(size)
    return True


def make_room(needed: int) -> bool:
    """Make room for so many bytes, which are written next; returns whether there is. Raises as ``reserve``."""
    root = stores_folder()
    with exclusive(root / "room.lock"):
        return _make_room(root, needed)


def _make_room(root: Path, needed: int) -> bool:
    sweep_partial(root)
    stores, free = cached_stores(), shutil.disk_usage(root).free
    copied = [_sizes(folder) for folder in _folders(root, _PARTIAL)]
    held = sum(store.bytes for store in stores) + sum(total for total, _ in copied)
    free -= sum(max(0, total - written) for total, written in copied)  # is theirs
    over = max(held + needed - cache_limit(held, free), needed - free)
    unused = [store for store in reversed(stores) if _is_free(store)]
    if over > sum(store.bytes for store in unused):
        return False
    for store in unused:
        if over <= 0:
            break
        over -= store.bytes if _delete(store) else 0
    return over <= 0  # else one was opened meanwhile


def bytes_copied(digest: str) -> int:
    """How much of a store is copied, by whom it may be."""
    folders = _folders(stores_folder(), _PARTIAL)
    return max((_sizes(folder)[1] for folder in folders if digest in folder.name), default=0)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def _folders(root: Path, name: re.Pattern[str]) -> list[Path]:
    """The real folders in the folder of stores that are called so. Raises StorageError where it cannot be read."""
    named = [root / each.name for each in folder_entries(root) if name.fullmatch(each.name)]
    return [folder for folder in named if folder.is_dir() and not folder.is_symlink()]


def _describe(folder: Path) -> CachedStore:
    try:
        origin = read_model(Origin, folder / ORIGIN, remedy="")
    except RaysatError:
        origin = Origin(place="")
    try:
        used = folder.stat().st_mtime
    except FileNotFoundError:  # it is being deleted
        used = 0.0
    return CachedStore(
        digest=folder.name,
        folder=folder,
        place=origin.place,
        made_by=origin.made_by,
        bytes=_sizes(folder)[0],
        used=used,
    )


def _sizes(folder: Path) -> tuple[int, int]:
    """Bytes of the files of a folder: as they say, and as they take on the disk; none where it is being deleted."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.stat(follow_symlinks=False) for entry in entries]
    except FileNotFoundError:
        return 0, 0
    return sum(each.st_size for each in found), sum(each.st_blocks * 512 for each in found)


def _is_free(store: CachedStore) -> bool:
    with free_folder(store.folder) as free:
        return free


def _delete(store: CachedStore) -> bool:
    """Delete a store, unless it is in use; one that is half deleted has a name under which nobody opens it."""
    trash = store.folder.with_name(f".{store.digest}-{secrets.token_hex(4)}.partial")
    with free_folder(store.folder) as free:
        if not free:
            return False
        with writing(store.folder):
            store.folder.rename(trash)
    remove_tree(trash, trash.parent)
    return True
