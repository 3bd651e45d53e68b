"""Locks between processes: one raysat at a time fills a run; others wait, or are told who holds it."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from raysat.errors import BusyError, StorageError
from raysat.files import AnyPath, ObjectPath, writing
from raysat.files.locks import lock_file, open_lock, opened_lock
from raysat.storage.lease import lease_holder

_LONGEST: Final = 200  # characters of who holds a lock


@contextmanager
def locked(folder: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a folder for this process, by a lock on its ``.lock`` that the system takes back when the process dies.

    The file says who holds it; it stays, since another process may be about to lock it. Where another process holds
    it, raises BusyError or, given ``waiting``, calls that with who it is and waits.
    """
    path = folder / ".lock"
    with opened_lock(path) as file:
        try:
            _lock_now(file, path)
        except BlockingIOError:
            holder = _holder(path)
            busy = f"{folder} is in use by another raysat{f' ({holder})' if holder else ''}"
            if waiting is None:
                raise BusyError(busy, hint="add {--wait} to go on when it ends, or choose another {--out}") from None
            waiting(busy)
            lock_file(file, path)
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


def holder_of(folder: AnyPath) -> str | None:
    """Who holds a run's folder, as far as can be told from here: ``pid 12 on host``; None where nobody does."""
    if isinstance(folder, ObjectPath):
        return lease_holder(folder)
    path = folder / ".lock"
    try:
        with open_lock(path, os.O_RDONLY) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(path) or "a process"
    except (OSError, StorageError):
        return None
    return None


def _lock_now(file: IO[str], path: Path) -> None:
    """Lock a file. Raises BlockingIOError where another process holds it; who only asks whether it is held is brief."""
    for _ in range(10):
        try:
            return lock_file(file, path, fcntl.LOCK_NB)
        except BlockingIOError:
            if _holder(path):
                raise
            time.sleep(0.05)
    return lock_file(file, path, fcntl.LOCK_NB)


def _holder(lock: Path) -> str:
    """Who holds a lock; empty for the moment between locking and writing, and where it says nothing readable."""
    with suppress(OSError, StorageError), open_lock(lock, os.O_RDONLY) as file:
        holder = file.read(_LONGEST).strip()
        return holder if holder.isprintable() else ""
    return ""
