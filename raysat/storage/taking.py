"""Finished work taken over from one place to another, by a link or a copy that the store makes where that can be.

On one disk a record then takes no space twice, and in one bucket no bytes travel; else they are read and written.
"""

from __future__ import annotations

from pathlib import Path

from raysat.files import (
    AnyPath,
    ObjectPath,
    copy_object,
    install_folder,
    link_file,
    partial_folder,
    sync_file,
    writing,
)
from raysat.storage.sealed import MAX_FILE, SUMS, SealedFolder, format_sums, put_attempt, write_sealed


def take_over(source: SealedFolder, target: AnyPath, *, replace: bool, check: bool) -> None:
    """Have a folder of finished work in another place too.

    Args:
        source: what there is.
        target: where it goes.
        replace: whether what is there is damaged; else whoever is first finishes the work, as ``write_sealed``.
        check: compare every file with its checksum, even where nothing would have to be read.

    Raises:
        StorageError: a file is missing or, where it is read, damaged.
        DiskError: something cannot be read or written; what was there is kept.
    """
    folder = source.folder
    if isinstance(folder, Path) and isinstance(target, Path):
        _check(source, check)
        _link(source, folder, target)
    elif isinstance(folder, ObjectPath) and isinstance(target, ObjectPath) and folder.bucket == target.bucket:
        _check(source, check)
        put_attempt(target, source.digests, lambda name, path: copy_object(folder / name, path), replace=replace)
    else:
        files = {name: source.read(name, max_bytes=MAX_FILE) for name in source.names}
        write_sealed(target, files, replace=replace)


def _check(source: SealedFolder, check: bool) -> None:
    for name in source.names if check else ():
        source.check(name)


def _link(source: SealedFolder, folder: Path, target: Path) -> None:
    with writing(target), partial_folder(target) as work:
        for name in source.names:
            if not link_file(folder / name, work / name):
                (work / name).write_bytes(source.read(name, max_bytes=MAX_FILE))
                sync_file(work / name)
        (work / SUMS).write_bytes(format_sums(source.digests))
        sync_file(work / SUMS)
        install_folder(work, target)
