"""Where output may go, and failures of the disk told as errors that a user can act on."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from raysat.errors import DataError


def check_target(path: Path, *, overwrite: bool) -> None:
    """Raise DataError where a store cannot be written to a path; only a store is ever replaced, no other folder."""
    if not path.exists():
        return
    if not overwrite:
        raise DataError(f"{path} exists already", hint="choose another {--out}, or replace it with {--overwrite}")
    if not (path / "store.json").is_file():
        raise DataError(f"{path} is not a patch store, so it is not overwritten", hint="choose another {--out}")


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a failure to write (disk full, no permission) into a DataError that names the path."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise DataError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="free some space, or choose another disk" if full else "check the folder and its permissions",
        ) from error


def install_folder(work: Path, target: Path, *, overwrite: bool) -> None:
    """Sync a folder's files and rename it into place; one that it replaces stays until then, and comes back on failure.

    The target is checked again, since another process may have made it meanwhile.
    """
    for file in work.iterdir():
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
    check_target(target, overwrite=overwrite)
    old = work.with_suffix(".old")
    if target.exists():
        target.rename(old)
    try:
        work.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
