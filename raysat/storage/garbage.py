"""What of a run or a cache is of no use any more, how much that is, and its deletion.

Of a run: what is damaged or half-written, attempts that others finished first, checkpoints and failures of finished
trials and, where asked for, orphans: whole records that the study did not ask for when it ran last. Of a cache: the
same, where an orphan is what none of some given runs refers to; others may be using the cache meanwhile.
"""

from __future__ import annotations

import bisect
import os
import stat
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raysat.errors import DeniedError, DiskError, FormatError, StorageError, UsageError
from raysat.files import AnyPath, ObjectPath, folder_entries, remove_tree
from raysat.files.object_store import ObjectFacts, describe_objects
from raysat.storage.artifacts import NEEDED
from raysat.storage.cache import Cache
from raysat.storage.ledger import Ledger
from raysat.storage.plan_file import PlanFile
from raysat.storage.verify import Finding, attempts, check_records, is_being_written, verify

_OLD_S: Final = 24 * 3600.0  # an attempt in a shared bucket that is older than this was left by a killed process
_ORPHAN: Final = "orphan"


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageKind:
    """What is of no use for one reason."""

    what: str
    number: int
    size: int  # bytes that are free without it: a file that others link to takes no space of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """What is of no use, and whether it is gone."""

    kinds: tuple[GarbageKind, ...]
    orphans: GarbageKind | None  # that stay, as they were not asked for
    is_deleted: bool

    @property
    def size(self) -> int:
        """Bytes of it all."""
        return sum(kind.size for kind in self.kinds)


def collect_run(ledger: Ledger, *, orphans: bool = False, delete: bool = False) -> Garbage:
    """Find what of a run is of no use, and delete it where that is asked for.

    Args:
        ledger: of the run.
        orphans: records too that the study did not ask for when it ran last.
        delete: nobody may fill the run meanwhile.

    Returns:
        What it is.

    Raises:
        StorageError: there is no plan, another process fills the run, or something cannot be deleted.
    """
    with ledger.lock() if delete else nullcontext():
        return _collected(_Objects(ledger.root), verify(ledger).findings, orphans=orphans, delete=delete)


def collect_cache(cache: Cache, runs: Sequence[Ledger], *, orphans: bool = False, delete: bool = False) -> Garbage:
    """Find what of a cache is of no use, and delete it where that is asked for.

    Args:
        cache: whose.
        runs: what they refer to stays.
        orphans: what they do not refer to is of no use.
        delete: what a process is writing stays.

    Returns:
        What it is.

    Raises:
        UsageError: orphans of no runs.
        StorageError: a run has no plan, or something cannot be deleted.
    """
    if orphans and not runs:
        raise UsageError(
            "without runs all of a cache would be orphans", hint="name the runs whose work stays, with {--run}"
        )
    cache.records.check_folders()
    plans = [run.read_plan() for run in runs]
    trials = {trial for plan in plans for trial in plan.trial_ids} if runs else None
    _, found = check_records(cache.records, trials)
    objects = _Objects(cache.root)
    found += _patches(cache, plans)
    # In a bucket another process may be writing what is half-written: only age tells, by the clock of the store.
    findings = [each for each in found if each.kind != "leftover" or objects.is_old(each.path)]
    return _collected(objects, findings, orphans=orphans, delete=delete)


def _patches(cache: Cache, plans: Sequence[PlanFile]) -> Iterator[Finding]:
    asked = {job.id for plan in plans for job in plan.generate}
    for entry in folder_entries(cache.artifacts.root):
        path = cache.artifacts.root / entry.name
        if entry.name.endswith(".lock") or is_being_written(path):
            continue
        if entry.name.startswith(".") or not cache.artifacts.has_record(entry.name):
            yield Finding(kind="leftover", path=path, what="half-written")
        elif not _are_whole(cache, entry.name):
            yield Finding(kind="damaged", path=path, what="generated patches")
        elif plans and entry.name not in asked:
            yield Finding(kind=_ORPHAN, path=path, what="patches that are not asked for")
        yield from attempts(path, NEEDED)


def _are_whole(cache: Cache, job: str) -> bool:
    try:
        return cache.artifacts.is_finished(job)
    except (DeniedError, DiskError, FormatError):
        raise
    except StorageError:
        return False


def _collected(objects: _Objects, findings: Collection[Finding], *, orphans: bool, delete: bool) -> Garbage:
    """Add up what was found, and delete it."""
    sizes: dict[str, list[int]] = defaultdict(list)
    for finding in findings:
        sizes[_reason(finding)].append(objects.size(finding.path))
    kinds = {what: GarbageKind(what=what, number=len(of), size=sum(of)) for what, of in sizes.items()}
    for finding in findings:
        if delete and (orphans or finding.kind != _ORPHAN):
            remove_tree(finding.path, objects.root)
    kept = None if orphans else kinds.pop(_ORPHAN, None)
    return Garbage(kinds=tuple(kinds.values()), orphans=kept, is_deleted=delete)


def _reason(finding: Finding) -> str:
    return finding.what if finding.kind == "leftover" else finding.kind


class _Objects:
    """The sizes of what lies in a folder, and in a bucket its age."""

    def __init__(self, root: AnyPath) -> None:
        self.root = root
        found = sorted(describe_objects(root), key=lambda each: each.name) if isinstance(root, ObjectPath) else []
        self._names, self._found = [each.name for each in found], found
        self._newest = max((each.changed for each in found), default=0.0)

    def size(self, path: AnyPath) -> int:
        """Bytes that are free once a path is deleted."""
        if isinstance(path, ObjectPath):
            return sum(each.size for each in self._below(path))
        files = [path] if not path.is_dir() or path.is_symlink() else _files(path)
        states = [file.lstat() for file in files]
        return sum(state.st_size for state in states if stat.S_ISREG(state.st_mode) and state.st_nlink == 1)

    def is_old(self, path: AnyPath) -> bool:
        """Whether nothing of an object was written for long before the newest object here was; true on a disk."""
        if not isinstance(path, ObjectPath):
            return True
        return max((each.changed for each in self._below(path)), default=0.0) < self._newest - _OLD_S

    def _below(self, path: ObjectPath) -> list[ObjectFacts]:
        name = path.url.removeprefix(f"{self.root}").lstrip("/")
        start = bisect.bisect_left(self._names, name)
        end = bisect.bisect_left(self._names, f"{name}0")  # '0' follows '/'
        return [each for each in self._found[start:end] if each.name == name or each.name.startswith(f"{name}/")]


def _files(folder: Path) -> list[Path]:
    return [Path(place) / name for place, _, names in os.walk(folder) for name in names]
