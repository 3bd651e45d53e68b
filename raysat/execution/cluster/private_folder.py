"""A run's temporary files in a folder that the user alone can enter, and that no run leaves behind for long.

It is removed at the end. Where the process was killed, the next one that makes such a folder beside it removes it: the
folder's owner holds a lock in it, which the system takes back when a process dies.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raysat.errors import ClusterError
from raysat.formatting import data_size
from raysat.interrupts import removed_at_end

SHORT: Final = Path("/tmp")  # noqa: S108  (for paths of sockets; what is made in it is private)
_PREFIX: Final = "raysat."
_NAME: Final = re.compile(r"raysat\.[a-z0-9_]{8}")  # as tempfile.mkdtemp draws them
_OWNER: Final = "owner.lock"
_NEW: Final = 60.0  # seconds in which a folder gets its lock, by far
_TRIES, _WAIT_S = 20, 0.05  # to remove a folder into which processes that end still write
_LEAST: Final = 32 << 20  # bytes: a Ray writes some of its logs, and a worker its own
_FILES: Final = 200
_FREE: Final = "free some there, or set TMPDIR to a folder on another disk"
_HINT: Final = "set TMPDIR to a folder that is yours, or to one with the sticky bit such as /tmp"


@dataclass(slots=True)
class PrivateFolder:
    """A folder that nobody else can enter."""

    path: Path
    keep: bool = False  # for the user to look at, until the next run removes it

    def remove(self) -> None:
        """Remove it, unless it is to be kept, although processes that are about to end may still write there.

        Follows no symlink.
        """
        for _ in range(0 if self.keep else _TRIES):
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                return
            time.sleep(_WAIT_S)


@contextmanager
def private_folder(parent: Path | None = None) -> Iterator[PrivateFolder]:
    """Have a new folder with an unguessable name, mode 0700, in the folder for temporary files or another one.

    Raises:
        ClusterError: no folder can be made there, or other users could take its place.
    """
    parent = parent or temporary_folder()
    _check(parent)
    _sweep(parent)
    folder, lock = _make(parent)
    private = PrivateFolder(folder)
    try:
        with removed_at_end(private.remove):
            yield private
    finally:
        os.close(lock)


def temporary_folder() -> Path:
    """Where the user wants temporary files: ``RAY_TMPDIR``, as Ray calls it, else ``TMPDIR``, else the system's."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or tempfile.gettempdir()).absolute()


def _check(parent: Path) -> None:
    """Refuse a folder that is full, or in which any user may rename those of others: Ray would fail in its own ways."""
    try:
        mode, space = parent.stat().st_mode, os.statvfs(parent)
    except OSError as error:
        raise unusable(parent, error) from error
    if (free := space.f_bavail * space.f_frsize) < _LEAST:
        raise ClusterError(f"no space is left in {parent}, for temporary files: {data_size(free)}", hint=_FREE)
    if space.f_files and space.f_favail < _FILES:
        raise ClusterError(f"no files can be added in {parent}, for temporary files: no inodes are left", hint=_FREE)
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise ClusterError(f"{parent} is no safe place for temporary files: every user can rename them", hint=_HINT)


def _make(parent: Path) -> tuple[Path, int]:
    """Make a folder and lock it. One that another process sweeps before it is locked is made again."""
    while True:
        try:
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        except OSError as error:
            raise unusable(parent, error) from error
        with suppress(FileNotFoundError):
            lock = os.open(folder / _OWNER, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with suppress(OSError):  # a file system without locks: nobody sweeps there either
                fcntl.flock(lock, fcntl.LOCK_EX)
            if (folder / _OWNER).exists():
                return folder, lock
            os.close(lock)


def unusable(parent: Path, error: OSError) -> ClusterError:
    """The error of a folder in which nothing can be made."""
    return ClusterError(f"no temporary folder can be made in {parent}: {error.strerror or error}", hint=_HINT)


def _sweep(parent: Path) -> None:
    """Remove the folders of processes of this user that were killed."""
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name):
                with suppress(OSError):
                    _sweep_one(Path(entry.path))


def _sweep_one(folder: Path) -> None:
    """Remove a folder unless it is not ours, or its owner lives. Raises OSError."""
    info = folder.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        return
    try:
        lock = os.open(folder / _OWNER, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        if time.time() - info.st_mtime > _NEW:
            shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
