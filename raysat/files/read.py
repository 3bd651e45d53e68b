"""Opening and reading files that may be anything: no pipe, device or folder, and nothing larger than it should be."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import overload

from raysat.errors import RaysatError, StorageError
from raysat.files.errors import reading
from raysat.files.object_store import ObjectEntry, object_entries, object_exists, open_object, read_object
from raysat.files.objects import AnyPath, ObjectPath

# What is no regular file says so by its kind.
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextmanager
def open_regular(
    path: AnyPath, *, max_bytes: int, remedy: str | None = None, error: type[RaysatError] = StorageError
) -> Iterator[BufferedReader]:
    """Open a regular file, or an object, to read. Never waits: a pipe that nobody writes to is refused.

    Args:
        path: the file; a symbolic link to one will do.
        max_bytes: a larger file is refused.
        remedy: hint of the error for a file that is missing or too large.
        error: kind of error to raise.

    Yields:
        The open file, at its start.

    Raises:
        StorageError: or the given kind: it is missing, no regular file, too large, or cannot be read.
        DiskError: the machine cannot read it.
    """
    if isinstance(path, ObjectPath):
        with open_object(path, max_bytes=max_bytes, remedy=remedy, error=error) as file:
            yield file
        return
    with reading(path, remedy, error):
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                kind = next((kind for test, kind in _KINDS if test(status.st_mode)), "something else")
                raise error(f"{path} cannot be read: it is {kind}, not a file", hint="give the path of a regular file")
            if status.st_size > max_bytes:
                raise error(f"{path} cannot be read: it is larger than {max_bytes:,} bytes", hint=remedy)
            with open(handle, "rb", closefd=False) as file:
                yield file
        finally:
            os.close(handle)


def read_bytes(
    path: AnyPath, *, max_bytes: int, remedy: str | None = None, error: type[RaysatError] = StorageError
) -> bytes:
    """Read a whole regular file, or an object.

    Args:
        path: the file.
        max_bytes: a larger file is refused.
        remedy: hint of the error for a file that is missing or too large.
        error: kind of error to raise.

    Returns:
        Its content.

    Raises:
        StorageError: or the given kind, as ``open_regular``.
        DiskError: the machine cannot read it.
    """
    if isinstance(path, ObjectPath):
        return read_object(path, max_bytes=max_bytes, remedy=remedy, error=error)
    with open_regular(path, max_bytes=max_bytes, remedy=remedy, error=error) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1)
    if len(content) > size:
        raise error(f"{path} cannot be read: it grows while it is read", hint="wait until it is written")
    return content


def read_text(
    path: AnyPath, *, max_bytes: int, remedy: str | None = None, error: type[RaysatError] = StorageError
) -> str:
    """Read a whole regular file, or an object, of UTF-8 text, with or without a byte order mark.

    Args:
        path: the file.
        max_bytes: a larger file is refused.
        remedy: hint of the error for a file that is missing, too large or no text.
        error: kind of error to raise.

    Returns:
        Its text, with line ends as they are.

    Raises:
        StorageError: or the given kind, as ``open_regular``; or its bytes are not UTF-8.
        DiskError: the machine cannot read it.
    """
    content = read_bytes(path, max_bytes=max_bytes, remedy=remedy, error=error)
    with reading(path, remedy, error):
        return content.decode("utf-8-sig")


def file_exists(path: AnyPath, error: type[RaysatError] = StorageError) -> bool:
    """Whether there is a regular file. Raises the error where that cannot be told: it may be there, but hidden."""
    if isinstance(path, ObjectPath):
        return object_exists(path, error)
    return stat.S_ISREG(_mode(path, error))


@overload
def folder_entries(folder: Path, error: type[RaysatError] = ...) -> Sequence[os.DirEntry[str]]: ...


@overload
def folder_entries(folder: ObjectPath, error: type[RaysatError] = ...) -> Sequence[ObjectEntry]: ...


def folder_entries(
    folder: AnyPath, error: type[RaysatError] = StorageError
) -> Sequence[os.DirEntry[str]] | Sequence[ObjectEntry]:
    """What lies in a folder, by name; nothing where there is none. Raises the error for one that cannot be read.

    ``glob`` and ``iterdir`` pass over folders that may not be read, so that files would be missed without a word.
    """
    if isinstance(folder, ObjectPath):
        return object_entries(folder, error)
    if not stat.S_ISDIR(_mode(folder, error)):
        return []
    with reading(folder, None, error), os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _mode(path: Path, error: type[RaysatError]) -> int:
    """What kind of thing is there, as ``stat`` says it; 0 where nothing is."""
    mode = 0
    with reading(path, None, error):
        try:
            mode = path.stat().st_mode
        except OSError as caught:
            if caught.errno not in {errno.ENOENT, errno.ENOTDIR}:
                raise
    return mode
