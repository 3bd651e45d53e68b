"""Locks between processes, on files and folders; the system takes them back when the process that holds one dies.

Where a file system has no locks, nobody waits: two processes at once are the user's to avoid there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from raysat.errors import DiskError, StorageError
from raysat.files.errors import writing

# How a file system says that it has no locks, or none on folders.
_NO_LOCKS: Final = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL, errno.EBADF})
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait until no other process holds a lock file, and hold it; makes it and its folder. Raises DiskError."""
    with opened_lock(path) as file:
        lock_file(file, path)
        yield


@contextmanager
def exclusive_now(path: Path) -> Iterator[bool]:
    """As ``exclusive``, without waiting: yields whether no other process holds it."""
    with opened_lock(path) as file:
        try:
            lock_file(file, path, fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def opened_lock(path: Path) -> IO[str]:
    """Open a lock file to write, and make it and its folder where there is none. Raises DiskError, StorageError."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return open_lock(path, os.O_RDWR | os.O_CREAT)


def open_lock(path: Path, flags: int) -> IO[str]:
    """Open a lock file itself, not what a link in its place leads to. Raises OSError, StorageError."""
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    handle = os.open(path, flags, 0o666)  # less the umask: runs may be a group's
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise StorageError(f"{path} cannot be locked: it is no regular file", hint="delete it: it holds no results")
    return open(handle, "r+" if flags & os.O_RDWR else "r", encoding="utf-8", errors="replace")  # noqa: PTH123


def lock_file(file: IO[str], path: Path, flags: int = 0) -> None:
    """Lock a file, where the file system can.

    Args:
        file: an open lock file.
        path: its path, for errors.
        flags: LOCK_NB not to wait.

    Raises:
        BlockingIOError: with LOCK_NB, another process holds it.
        DiskError: the file system fails.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | flags)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise DiskError(f"{path} cannot be locked: {error.strerror or error}") from error


class FolderHold:
    """A folder that is in use, until this object is gone: ``free_folder`` leaves it alone, in any process."""

    def __init__(self, handle: int) -> None:
        weakref.finalize(self, os.close, handle)


def hold_folder(folder: Path) -> FolderHold | None:
    """Hold a folder beside others that do; None where there is none. Raises StorageError where a link is in its place.

    Never waits for more than the moment in which another process asks whether it is in use.
    """
    while True:
        try:
            handle = os.open(folder, _FOLDER)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR} and not folder.is_symlink() and not folder.exists():
                return None
            raise StorageError(
                f"{folder} cannot be used: {error.strerror or error}",
                hint="a folder should be there: delete what is in its place",
            ) from error
        hold = FolderHold(handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise DiskError(f"{folder} cannot be locked: {error.strerror or error}") from error
        if _is_still(folder, handle):  # else it was deleted or replaced before it was locked
            return hold


@contextmanager
def free_folder(folder: Path) -> Iterator[bool]:
    """Keep others from holding a folder; yields whether nobody does, as far as the file system can tell."""
    try:
        handle = os.open(folder, _FOLDER)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def _is_still(folder: Path, handle: int) -> bool:
    try:
        found, held = folder.lstat(), os.fstat(handle)
    except FileNotFoundError:
        return False
    return (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)
