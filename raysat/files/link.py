"""The same content under another path without carrying its bytes: a hard link, or a copy that an object store makes."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from raysat.files.object_errors import asking
from raysat.files.object_store import bucket_store
from raysat.files.objects import ObjectPath

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def link_file(source: Path, target: Path) -> bool:
    """Give a file a second name, where nobody but this user may change what it holds; else false, nothing is made.

    raysat replaces files and never writes into one, so that what has one of the names stays what it is.
    """
    try:
        found = source.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
            return False
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system, one without links, too many of them
        return False
    return True


def copy_object(source: ObjectPath, target: ObjectPath) -> bool:
    """Have a store copy an object of a bucket of its; false between buckets. Raises StorageError, DiskError."""
    if source.bucket != target.bucket:
        return False
    with asking(source, "copied"):
        bucket_store(source.bucket, patient=True).copy(source.key, target.key)
    return True
