"""Writes that happen whole or not at all: under a temporary name, synced, then renamed into place.

One process at a time may write to a folder, since it tidies up what killed ones left: it holds ``locked``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from raysat.errors import LedgerError

# How network file systems, FUSE and Windows say that they cannot sync a folder; its files are synced all the same.
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES})

# How a file system says that it has no locks: two runs at once are the user's to avoid there.
_NO_LOCKS: Final = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL})


def write_atomic(path: Path, content: str | bytes) -> None:
    """Replace a file at once, text as UTF-8; makes its folder. Raises LedgerError, the old file then stands."""
    work = _partial(path)
    encoded = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    with _explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_synced(work, encoded)
            work.replace(path)
        finally:
            with suppress(OSError):
                work.unlink(missing_ok=True)
        _sync_folder(path.parent)


def replace_quickly(path: Path, content: str) -> None:
    """Replace a file at once without waiting for the disk, for what may be lost. Raises OSError."""
    work = _partial(path)
    try:
        work.write_text(content, encoding="utf-8")
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Replace a folder of files at once. Raises LedgerError, the old folder then stands.

    A folder cannot be renamed over another: an old one steps ``aside`` until the new one is in place. Where the process
    is killed in between, ``aside(target)`` holds it, whole.
    """
    work, old = _partial(target), aside(target)
    with _explained(target):
        try:
            work.mkdir(parents=True)
            for name, content in files.items():
                _write_synced(work / name, content)
            _sync_folder(work)
            if target.exists():
                if old.exists():
                    shutil.rmtree(old)
                target.rename(old)
            work.rename(target)
        finally:
            if old.exists() and not target.exists():
                old.rename(target)
            shutil.rmtree(work, ignore_errors=True)
        _sync_folder(target.parent)
    leftovers = target.parent.glob(f".{target.name}-{'?' * 8}.partial")  # of attempts that were killed
    for left in (old, *leftovers):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def locked(folder: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold a folder for this process, by a lock on its ``.lock`` that the system takes back when the process dies.

    The file says who holds it; it stays, since another process may be about to lock it. Where another process holds
    it, raises LedgerError or, given ``waiting``, calls that with who it is and waits.
    """
    path = folder / ".lock"
    with _explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    with file:
        try:
            _lock_now(file, path)
        except BlockingIOError:
            if waiting is None:
                raise LedgerError(
                    f"{folder} is in use by another raysat{_holder(path)}",
                    hint="add --wait to go on when it ends, or choose another --out",
                ) from None
            waiting(f"{folder} is in use by another raysat{_holder(path)}")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise LedgerError(f"{path} cannot be locked: {error.strerror or error}") from error
        try:
            with _explained(path):
                file.truncate(0)
                file.write(f"pid {os.getpid()} on {socket.gethostname()}\n")
                file.flush()
            yield
        finally:
            with suppress(OSError):
                file.truncate(0)
                fcntl.flock(file, fcntl.LOCK_UN)  # at once, whatever copies of the handle a fork made


def _lock_now(file: IO[str], path: Path) -> None:
    """Lock a file. Raises BlockingIOError where another process holds it; who only asks whether it is held is brief."""
    for _ in range(10):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if _holder(path):
                raise
            time.sleep(0.05)
    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def holder_of(folder: Path) -> str | None:
    """Who holds a folder, as far as this machine's file system tells: ``pid 12 on host``; None where nobody does."""
    try:
        with (folder / ".lock").open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(folder / ".lock").strip(" ()") or "a process"
    except OSError:
        return None
    return None


def _holder(lock: Path) -> str:
    """Who holds a lock, in brackets; empty for the moment between locking and writing."""
    with suppress(OSError):
        if holder := lock.read_text(encoding="utf-8")[:200].strip():
            return f" ({holder})"
    return ""


@contextmanager
def turn(folder: Path, name: str) -> Iterator[None]:
    """Wait for one's turn at a lock file in a folder, which is made where it is missing. Raises LedgerError."""
    path = folder / name
    with _explained(path):
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise LedgerError(f"{path} cannot be locked: {error.strerror or error}") from error
        yield


def aside(folder: Path) -> Path:
    """Where a folder stands while another takes its place."""
    return folder.with_name(f".{folder.name}.replaced")


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}.partial")


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Make a rename survive a power cut, where the file system can."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        action = "free some space" if full else "check the permissions of the output folder"
        raise LedgerError(
            f"{path} cannot be written: {error.strerror or error}",
            hint=f"{action} and run the same command again: finished trials are kept",
        ) from error
