"""Looks over the disks that raysat writes to: what they are, whether the cache can be used, how fast they sync."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from raysat.errors import RaysatError
from raysat.execution.doctor.check import Check
from raysat.files import ObjectPath, as_path, cache_folder, check_real_folder
from raysat.formatting import data_size

_NETWORK: Final = frozenset(
    ("9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs", "virtiofs")
)
_BY_FUSE: Final = frozenset(("ceph", "gcsfuse", "glusterfs", "juicefs", "mountpoint-s3", "s3fs", "sshfs"))
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")
_BLOCK: Final = 8 << 20  # bytes that are written and synced
_SYNCS: Final = 5
_SLOW: Final = 20e6  # bytes/s
_SLOW_SYNC_S: Final = 0.1  # a trial's record takes some ten
_CACHE_SPACE: Final = 1 << 30


def nearest(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    there = path.absolute()
    while not there.exists():
        there = there.parent
    return there


@contextmanager
def scratch(folder: Path) -> Iterator[int]:
    """Open a file without a name in a folder; nothing of it stays. Raises OSError where none can be written there."""
    with tempfile.TemporaryFile(dir=folder, prefix=".raysat-doctor-", buffering=0) as file:
        yield file.fileno()


def file_system(out: str, mounts: Path = _MOUNTS) -> Check | None:
    """What kind of disk runs go to; None of an object store, and where the system does not say.

    Args:
        out: where runs go.
        mounts: the table of mounted disks.
    """
    if (folder := _folder(out)) is None or (kind := disk_kind(folder, mounts)) is None:
        return None
    name = "disk of runs"
    if kind in _NETWORK or kind.removeprefix("fuse.") in _BY_FUSE:
        remedy = (
            "many small trials finish sooner on a local disk: --out there, then raysat ledger copy; see that locks "
            "work (NFS: version 4)"
        )
        return Check(name=name, found=f"{kind}, over a network", level="warning", remedy=remedy)
    if kind in _IN_MEMORY:
        remedy = "write elsewhere with --out, or copy it with raysat ledger copy"
        return Check(name=name, found=f"{kind}: gone when the machine restarts", level="warning", remedy=remedy)
    return Check(name=name, found=kind)


def disk_kind(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """The type of the file system that a folder is on, such as ext4; None where the system does not say."""
    best, kind = -1, None
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    real = folder.resolve()
    for line in lines:
        fields, _, rest = line.partition(" - ")
        if len(words := fields.split(" ")) < 5 or not rest:
            continue
        point = Path(words[4].encode().decode("unicode_escape", errors="replace"))  # a blank is \040 there
        if real.is_relative_to(point) and len(point.parts) >= best:  # of two at one place, the later hides the other
            best, kind = len(point.parts), rest.split(" ")[0]
    return kind


def sync_speed(out: str) -> Check | None:
    """How fast the disk of the runs takes what is synced: records and checkpoints are. None of an object store.

    Args:
        out: where runs go.
    """
    if (folder := _folder(out)) is None:
        return None
    try:
        rate, latency = measure(folder)
    except OSError:  # said elsewhere
        return None
    found = f"{rate / 1e6:,.0f} MB/s written, {1000 * latency:.1f} ms a sync"
    if rate < _SLOW or latency > _SLOW_SYNC_S:
        remedy = "write runs to a faster disk with --out: records and checkpoints wait for it"
        return Check(name="disk speed", found=found, level="warning", remedy=remedy)
    return Check(name="disk speed", found=found)


def measure(folder: Path) -> tuple[float, float]:
    """Return bytes/s of a synced block, and the median seconds of a small sync. Raises OSError."""
    with scratch(folder) as file:
        block, start = os.urandom(1 << 20) * (_BLOCK >> 20), time.perf_counter()
        os.write(file, block)
        os.fsync(file)
        rate = _BLOCK / (time.perf_counter() - start)
        times = []
        for _ in range(_SYNCS):
            start = time.perf_counter()
            os.write(file, b"0" * 4096)
            os.fsync(file)
            times.append(time.perf_counter() - start)
    return rate, statistics.median(times)


def cache() -> Check:
    """Whether stores can be kept in the user's cache folder."""
    elsewhere = "name another folder: RAYSAT_CACHE"
    try:
        folder = cache_folder()
        check_real_folder(folder)
    except RuntimeError:
        return Check(name="cache", found="you have no home", level="fault", remedy=elsewhere)
    except RaysatError as error:
        return Check(name="cache", found=error.message, level="fault", remedy=error.hint)
    there = nearest(folder)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Check(name="cache", found=f"{folder} cannot be written", level="fault", remedy=elsewhere)
    space = os.statvfs(there)
    free = space.f_bavail * space.f_frsize
    found = f"{data_size(free)} free in {folder}"
    if free < _CACHE_SPACE:
        return Check(name="cache", found=found, level="warning", remedy=f"raysat data cache --clear, or {elsewhere}")
    return Check(name="cache", found=found)


def _folder(out: str) -> Path | None:
    """The folder that runs will lie in, or the nearest above it; None of an object store, or where it is refused."""
    try:
        path = as_path(out)
    except RaysatError:
        return None
    return None if isinstance(path, ObjectPath) else nearest(path)
