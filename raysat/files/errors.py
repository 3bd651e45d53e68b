"""What the operating system says about a file, as one error: the path, the cause, and a hint that fits the cause."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from raysat.errors import DeniedError, DiskError, RaysatError, StorageError
from raysat.files.objects import AnyPath

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})
# The machine, not the file, is at fault.
_MACHINE: Final = frozenset({errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT})
_ON_READ: Final = {
    errno.ENAMETOOLONG: "no file has such a long name: check the path",
    errno.ELOOP: "it is a symbolic link that leads to itself: check the path",
    errno.EISDIR: "it is a folder: give the path of a file",
    errno.ENOTDIR: "a part of the path is a file, not a folder: check the path",
}
_ON_WRITE: Final = {
    errno.EFBIG: "a file may not become so large here (ulimit -f, or the file system): choose another folder",
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.ENAMETOOLONG: "no file can have such a long name: choose a shorter path",
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another path",
    errno.EEXIST: "a file is where a folder should be: choose another path",
    errno.EISDIR: "a folder is where a file should be: choose another path",
    errno.ELOOP: "it is a symbolic link, which raysat does not write through: remove it, or choose another path",
}


@contextmanager
def reading(path: AnyPath, remedy: str | None = None, error: type[RaysatError] = StorageError) -> Iterator[None]:
    """Turn a failure to read into one error that names the path, the cause and what to do.

    Args:
        path: what is read.
        remedy: what to do about a file that is missing or has the wrong content.
        error: kind of error to raise; a disk or machine that fails is a DiskError all the same.

    Yields:
        Nothing; what is done within is watched.

    Raises:
        StorageError: or the given kind; a DeniedError where this user may not read it.
        DiskError: the machine cannot read it: an input/output error, too many open files.
    """
    try:
        yield
    except UnicodeDecodeError as caught:
        where = f"byte {caught.start:,} is not UTF-8 text"
        raise error(
            f"{path} cannot be read: {where}", hint=(remedy if error is StorageError else "") or "save it as UTF-8"
        ) from caught
    except ValueError as caught:  # a NUL or a lone surrogate, which no path has
        if not _is_no_path(path):
            raise
        raise error(f"{path} cannot be read: no file has such a name", hint="check the path") from caught
    except OSError as caught:
        denied = DeniedError if error is StorageError and _denied(caught) else error
        kind = DiskError if caught.errno in _MACHINE else denied
        hint = "you may not read it: change its permissions, or those of the folders above" if _denied(caught) else None
        hint = hint or _ON_READ.get(caught.errno or 0) or remedy
        raise kind(f"{path} cannot be read: {caught.strerror or caught}", hint=hint) from caught


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into a DiskError that names the path, the cause and what to do."""
    again = "then run the same command again: what is finished is kept"
    try:
        yield
    except OSError as caught:
        hint = _ON_WRITE.get(caught.errno or 0)
        if hint is None:
            hint = "free some space" if caught.errno in _FULL else "check the permissions of the output folder"
        raise DiskError(f"{path} cannot be written: {caught.strerror or caught}", hint=f"{hint}; {again}") from caught
    except ValueError as caught:
        if not _is_no_path(path):
            raise
        raise StorageError(f"{path} cannot be written: no file has such a name", hint="choose another path") from caught


def _denied(caught: OSError) -> bool:
    return caught.errno in _DENIED


def _is_no_path(path: AnyPath) -> bool:
    """Whether a path has characters that no file's name can have."""
    text = str(path)
    return "\0" in text or any("\ud800" <= char <= "\udfff" and not "\udc80" <= char <= "\udcff" for char in text)
