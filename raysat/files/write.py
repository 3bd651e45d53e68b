"""Files and folders that are replaced whole or not at all: written under a temporary name, synced, then renamed."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from raysat.errors import StorageError
from raysat.files.errors import writing
from raysat.files.object_store import put_object
from raysat.files.objects import AnyPath, ObjectPath
from raysat.files.partial import partial_file, partial_folder
from raysat.files.read import file_exists
from raysat.files.remove import remove_tree

# How network file systems, FUSE and Windows say that they cannot sync a folder; its files are synced all the same.
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES})


Content = str | bytes | tuple[bytes, ...]  # text becomes UTF-8; parts follow each other


def write_atomic(path: AnyPath, content: Content) -> None:
    """Replace a file or an object at once, and make its folder. Raises DiskError, the old one is then kept."""
    if isinstance(path, ObjectPath):
        return put_object(path, b"".join(_parts(content)))
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial_file(path) as (work, handle):
            _write(handle, content)
            os.fsync(handle)
            work.replace(path)
        _sync_folder(path.parent)
    return None


def write_new(path: Path, content: Content) -> bool:
    """Make a file at once, and its folder; false where there is one of its name. Raises DiskError."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial_file(path) as (work, handle):
            _write(handle, content)
            os.fsync(handle)
            try:
                os.link(work, path)  # a rename would replace what another made meanwhile
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                if os.path.lexists(path):
                    return False
                work.replace(path)
        _sync_folder(path.parent)
    return True


def write_unsynced(path: AnyPath, content: Content) -> None:
    """Replace a file at once without waiting for the disk, for what may be lost. Raises OSError or DiskError."""
    if isinstance(path, ObjectPath):
        return put_object(path, b"".join(_parts(content)))
    with partial_file(path) as (work, handle):
        _write(handle, content)
        work.replace(path)
    return None


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Replace a folder of files at once. Raises DiskError, the old folder is then kept."""
    with writing(target), partial_folder(target) as work:
        for name, content in files.items():
            with (work / name).open("xb") as file:
                _write(file.fileno(), content)
                os.fsync(file.fileno())
        install_folder(work, target)


def real_target(path: Path) -> Path:
    """Where a path leads that is to be written, links followed. Raises DiskError where they lead back to themselves."""
    with writing(path):
        try:
            return path.resolve()
        except RuntimeError as error:  # Python before 3.13 has no other word for it
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from error


def install_folder(work: Path, target: Path) -> None:
    """Rename a folder, whose files are synced, into the place of another. Raises OSError, DiskError; the old is kept.

    A folder cannot be renamed over another: an old one moves to ``backup_path`` until the new one is in place. Where
    the process is killed in between, that holds it, whole.
    """
    backup = backup_path(target)
    _sync_folder(work)
    try:
        if target.exists():
            remove_tree(backup, backup.parent)
            target.rename(backup)
        work.rename(target)
    finally:
        if backup.exists() and not target.exists():
            backup.rename(target)
    _sync_folder(target.parent)
    _discard(backup)


def sync_file(path: Path) -> None:
    """Make a file's content survive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def backup_path(folder: Path) -> Path:
    """Where a folder lies while another takes its place."""
    return folder.with_name(f".{folder.name}.replaced")


def current_folder(target: Path, name: str) -> Path:
    """The folder to read: the target or, where it lacks a file, the backup of a replacement that was killed midway."""
    folders = (target, backup_path(target))
    return next((folder for folder in folders if file_exists(folder / name)), target)


def _discard(path: Path) -> None:
    """Delete what is of no use any more; what stays is found by ``ledger gc``."""
    with suppress(StorageError):
        remove_tree(path, path.parent)


def _write(handle: int, content: Content) -> None:
    for part in _parts(content):
        left = memoryview(part)
        while left:
            left = left[os.write(handle, left) :]


def _parts(content: Content) -> tuple[bytes, ...]:
    if isinstance(content, str):
        content = content.encode(errors="backslashreplace")
    return content if isinstance(content, tuple) else (content,)


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
