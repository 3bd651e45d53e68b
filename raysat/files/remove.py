"""Deleting: nothing is followed or entered that a symbolic link leads to, and nothing outside a folder is touched."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from raysat.errors import DiskError, StorageError
from raysat.files.errors import reading
from raysat.files.object_store import delete_objects, objects_below
from raysat.files.objects import AnyPath, ObjectPath

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def remove_file(path: AnyPath, inside: AnyPath) -> None:
    """Delete a file or a symbolic link, not what it leads to, or an object, if it is there; a folder stays.

    Args:
        path: what to delete, below ``inside``.
        inside: a folder that the user named, which may be a link itself; below it no link is followed, whatever is
            changed there meanwhile.

    Raises:
        StorageError: a folder on the way is a symbolic link.
        DiskError: it cannot be deleted.
    """
    if isinstance(path, ObjectPath):
        return delete_objects([_checked(path, inside)])
    return _delete(path, inside, os.unlink)


def remove_tree(path: AnyPath, inside: AnyPath) -> None:
    """Delete a folder with all that it holds, or what is in its place, if it is there.

    Args:
        path: what to delete, below ``inside``.
        inside: as ``remove_file``.

    Raises:
        StorageError: as ``remove_file``.
        DiskError: it cannot be deleted, or not whole.
    """

    def delete(name: str, *, dir_fd: int) -> None:
        if stat.S_ISDIR(os.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=dir_fd)
        else:
            os.unlink(name, dir_fd=dir_fd)

    if isinstance(path, ObjectPath):
        return delete_objects([*objects_below(_checked(path, inside)), path])
    return _delete(path, inside, delete)


def check_real_folder(folder: AnyPath) -> None:
    """Raise StorageError where a folder that raysat writes and deletes in is a symbolic link, or no folder."""
    if isinstance(folder, ObjectPath):  # those have no links
        return
    with reading(folder):
        try:
            mode = folder.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return
    if stat.S_ISLNK(mode):
        raise _is_link(folder)
    if not stat.S_ISDIR(mode):
        raise StorageError(f"{folder} is no folder", hint="raysat keeps a folder there: move away what is in its place")


def _checked(path: ObjectPath, inside: AnyPath) -> ObjectPath:
    if not (isinstance(inside, ObjectPath) and path.lies_in(inside)):
        raise ValueError(f"{path} does not lie in {inside}")
    return path


def _delete(path: Path, inside: AnyPath, how: Callable[..., None]) -> None:
    """Open the folder that holds a path, and delete the path's name there."""
    try:
        parent = _open_parent(path, inside)
        try:
            how(path.name, dir_fd=parent)
        finally:
            os.close(parent)
    except FileNotFoundError:  # or another process was first
        pass
    except OSError as error:
        hint = "check what it is, and the permissions of its folder; what is finished is kept"
        raise DiskError(f"{path} cannot be deleted: {error.strerror or error}", hint=hint) from error


def _open_parent(path: Path, inside: AnyPath) -> int:
    """Open the folder that holds a path, step by step from ``inside``. Raises OSError."""
    steps = () if isinstance(inside, ObjectPath) else path.relative_to(inside).parts
    if isinstance(inside, ObjectPath) or not steps or ".." in steps:
        raise ValueError(f"{path} does not lie in {inside}")
    here, folder = os.open(inside, _FOLDER), inside
    for step in steps[:-1]:
        above, folder = here, folder / step
        try:
            here = os.open(step, _FOLDER | os.O_NOFOLLOW, dir_fd=above)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR} and folder.is_symlink():
                raise _is_link(folder) from error
            raise
        finally:
            os.close(above)
    return here


def _is_link(folder: Path) -> StorageError:
    return StorageError(
        f"{folder} is a symbolic link, and raysat deletes nothing that lies outside a run",
        hint="put the folder itself in its place; only the folder of a whole run may be a link",
    )
