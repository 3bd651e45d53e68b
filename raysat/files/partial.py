"""What is being written, beside its target under a name of its own: locked while its writer lives, swept after that.

A killed process cannot remove its ``.NAME-xxxxxxxx.partial``. The next that writes NAME does, or who looks after the
whole folder. The system takes back the lock of a process that dies; where a file system has no locks, nothing is swept.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

from raysat.errors import StorageError
from raysat.files.objects import AnyPath, ObjectPath
from raysat.files.remove import remove_tree
from raysat.interrupts import removed_at_end

_PARTIAL: Final = re.compile(r"\.(?P<target>.+)-[0-9a-z_]{8}\.partial", re.DOTALL)
_ENTRY: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # not what a link leads to, nor a pipe


@contextmanager
def partial_file(target: Path) -> Iterator[tuple[Path, int]]:
    """Make an empty file to be renamed over a target; removed at the end if it was not, also after an interrupt.

    Args:
        target: what it is to become, in a folder that is there.

    Yields:
        Its path, and a handle to write with.

    Raises:
        OSError: it cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with _partial(target, lambda work: os.open(work, flags, 0o666)) as made:
        yield made


@contextmanager
def partial_folder(target: Path) -> Iterator[Path]:
    """Make an empty folder to be renamed to a target, with the folders above; else as ``partial_file``."""

    def make(work: Path) -> int:
        work.mkdir(parents=True)
        try:
            return os.open(work, _ENTRY | os.O_DIRECTORY)
        except OSError:  # some file systems open no folders: nobody sweeps there
            return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    with _partial(target, make) as (work, _):
        yield work


def sweep_partial(folder: AnyPath, target: str | None = None) -> None:
    """Remove what killed processes left half-written in a folder; what a process writes now stays.

    Args:
        folder: where to look.
        target: what it was to become; by default anything.
    """
    if isinstance(folder, ObjectPath):  # objects are there whole or not at all
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            name = _PARTIAL.fullmatch(entry.name)
            if name and target in (None, name["target"]):
                _sweep(folder / entry.name)


def is_abandoned(left: Path) -> bool:
    """Whether nobody writes what is half-written any more, as far as the file system can tell."""
    try:
        if left.is_symlink():
            return True
        handle = os.open(left, _ENTRY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(handle)
    except OSError:
        return False
    return True


@contextmanager
def _partial(target: Path, make: Callable[[Path], int]) -> Iterator[tuple[Path, int]]:
    sweep_partial(target.parent, target.name)
    is_made = False
    while not is_made:
        work = target.with_name(f".{target.name}-{secrets.token_hex(4)}.partial")
        with removed_at_end(partial(_discard, work)):
            handle = make(work)
            try:
                with suppress(OSError):
                    fcntl.flock(handle, fcntl.LOCK_SH)  # waits while somebody sweeps here
                if is_made := work.exists():  # else it was swept before it was locked
                    yield work, handle
            finally:
                os.close(handle)


def _sweep(left: Path) -> None:
    """Remove a leftover unless its writer lives: a file, a folder or a link, and not what that leads to."""
    with suppress(OSError):
        if left.is_symlink():
            return _discard(left)
        handle = os.open(left, _ENTRY)
        try:
            mode = os.fstat(handle).st_mode
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                _discard(left)
        finally:
            os.close(handle)


def _discard(work: Path) -> None:
    with suppress(StorageError):
        remove_tree(work, work.parent)
