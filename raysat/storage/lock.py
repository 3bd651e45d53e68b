"""Locks between processes: one raysat at a time fills a run; others wait, or are told who holds it."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from raysat.errors import BusyError, DiskError, StorageError
from raysat.files import writing

_LONGEST: Final = 200  # characters of who holds a lock
# How a file system says that it has no locks: two runs at once are the user's to avoid there.
_NO_LOCKS: Final = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL})


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Wait until no other process holds a lock file, and hold it; makes it and its folder. Raises DiskError."""
    with _opened(path) as file:
        _lock(file, path)
        yield


@contextmanager
def locked(folder: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a folder for this process, by a lock on its ``.lock`` that the system takes back when the process dies.

    The file says who holds it; it stays, since another process may be about to lock it. Where another process holds
    it, raises BusyError or, given ``waiting``, calls that with who it is and waits.
    """
    path = folder / ".lock"
    with _opened(path) as file:
        try:
            _lock_now(file, path)
        except BlockingIOError:
            holder = _holder(path)
            busy = f"{folder} is in use by another raysat{f' ({holder})' if holder else ''}"
            if waiting is None:
                raise BusyError(busy, hint="add {--wait} to go on when it ends, or choose another {--out}") from None
            waiting(busy)
            _lock(file, path)
        try:
            with writing(path):
                file.truncate(0)
                file.seek(0)
                file.write(f"pid {os.getpid()} on {socket.gethostname()}\n")
                file.flush()
            yield
        finally:
            with suppress(OSError):
                file.truncate(0)
                fcntl.flock(file, fcntl.LOCK_UN)  # at once, whatever copies of the handle a fork made


def holder_of(folder: Path) -> str | None:
    """Who holds a folder, as far as this machine's file system tells: ``pid 12 on host``; None where nobody does."""
    path = folder / ".lock"
    try:
        with _open(path, os.O_RDONLY) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(path) or "a process"
    except (OSError, StorageError):
        return None
    return None


def _opened(path: Path) -> IO[str]:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return _open(path, os.O_RDWR | os.O_CREAT)


def _open(path: Path, flags: int) -> IO[str]:
    """Open a lock file itself, not what a link in its place leads to. Raises OSError, StorageError."""
    flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    handle = os.open(path, flags, 0o666)  # less the umask: runs may be a group's
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise StorageError(f"{path} cannot be locked: it is no regular file", hint="delete it: it holds no results")
    return open(handle, "r+" if flags & os.O_RDWR else "r", encoding="utf-8", errors="replace")  # noqa: PTH123


def _lock(file: IO[str], path: Path, flags: int = 0) -> None:
    """Lock a file, where the file system can. Raises BlockingIOError with LOCK_NB where another process holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | flags)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise DiskError(f"{path} cannot be locked: {error.strerror or error}") from error


def _lock_now(file: IO[str], path: Path) -> None:
    """Lock a file. Raises BlockingIOError where another process holds it; who only asks whether it is held is brief."""
    for _ in range(10):
        try:
            return _lock(file, path, fcntl.LOCK_NB)
        except BlockingIOError:
            if _holder(path):
                raise
            time.sleep(0.05)
    return _lock(file, path, fcntl.LOCK_NB)


def _holder(lock: Path) -> str:
    """Who holds a lock; empty for the moment between locking and writing, and where it says nothing readable."""
    with suppress(OSError, StorageError), _open(lock, os.O_RDONLY) as file:
        holder = file.read(_LONGEST).strip()
        return holder if holder.isprintable() else ""
    return ""
