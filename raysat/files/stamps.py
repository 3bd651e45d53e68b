"""What files are at the moment, told without reading them: a stamp that is another after every write, however small.

A stamp is of all files in a folder: their names, sizes, inodes and times of change, which the system sets at each write
and nobody else can. Two writes in one tick of its clock may leave the same time: who trusts a stamp waits until it has
``settled``. Of objects it is of all below a folder: their names, sizes and tags, a thousand of them a request.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from raysat.errors import RaysatError, StorageError
from raysat.files.object_store import describe_objects, object_facts
from raysat.files.objects import AnyPath, ObjectPath
from raysat.files.read import folder_entries

_TICK_S: Final = 2.0  # of the coarsest clock that file systems have


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the files of a folder are at the moment."""

    text: str  # the same while none is written, replaced, made or removed
    changed: float  # when the last of them was, in seconds since 1970

    def settled(self, now: float) -> bool:
        """Whether a write after ``now`` would leave another stamp."""
        return self.changed + _TICK_S <= now


def subfolder_stamps(folder: AnyPath, error: type[RaysatError] = StorageError) -> dict[str, Stamp | None]:
    """Stamp every entry of a folder by what lies in it.

    Args:
        folder: where to look; where there is none, nothing is in it.
        error: kind of error to raise.

    Returns:
        Stamps by name; None for what cannot be stamped: a file, or a folder that cannot be read.

    Raises:
        StorageError: or the given kind: the folder itself cannot be read.
        DiskError: the store cannot be asked.
    """
    if isinstance(folder, ObjectPath):
        return _of_objects(folder, error)
    return {entry.name: _of_files(str(entry.path)) for entry in folder_entries(folder, error)}


def folder_stamp(folder: AnyPath) -> Stamp | None:
    """Stamp one folder; None as for ``subfolder_stamps``. Raises DiskError where a store cannot be asked."""
    if isinstance(folder, ObjectPath):
        facts = [(found.name, found.size, found.tag, found.changed) for found in describe_objects(folder)]
        return _of_facts(facts) if facts else None
    return _of_files(str(folder))


def file_stamp(path: AnyPath) -> Stamp | None:
    """Stamp one file; None where there is none or it cannot be seen. Raises DiskError where a store cannot be asked."""
    if isinstance(path, ObjectPath):
        facts = object_facts(path)
        return None if facts is None else _of_facts([(facts.name, facts.size, facts.tag, facts.changed)])
    with suppress(OSError):
        found = path.stat()
        text = _digest([found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns])
        return Stamp(text, max(found.st_mtime, found.st_ctime))
    return None


def _of_files(folder: str) -> Stamp | None:
    files, changed = [], 0.0
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in sorted(os.listdir(handle)):  # noqa: PTH208  (of a handle, which no Path is)
                found = os.stat(name, dir_fd=handle)
                changed = max(changed, found.st_mtime, found.st_ctime)
                files.append((name, found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
        finally:
            os.close(handle)
        return Stamp(_digest(files), changed)
    return None


def _of_objects(folder: ObjectPath, error: type[RaysatError]) -> dict[str, Stamp | None]:
    objects: dict[str, list[tuple[str, int, str, float]]] = {}
    for found in describe_objects(folder, error):
        name, _, rest = found.name.partition("/")
        objects.setdefault(name, []).append((rest, found.size, found.tag, found.changed))
    return {name: _of_facts(of) for name, of in objects.items()}


def _of_facts(objects: list[tuple[str, int, str, float]]) -> Stamp:
    """A tag tells other content by itself; without one, the time of its change has to."""
    return Stamp(_digest(sorted(objects)), max(0.0 if tag else changed for *_, tag, changed in objects))


def _digest(facts: list[Any]) -> str:
    return hashlib.sha256(repr(facts).encode(errors="surrogateescape")).hexdigest()[:32]
