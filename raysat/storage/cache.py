"""A cache between studies: finished work that whoever needs the same takes from here, by its id.

    <cache>/cache.json        says that the folder is one
            trials/<id>/      as in a run (``ledger.py``)
            generated/<id>/   as beside a run (``artifacts.py``)

An id names the configuration, the seed, the content of the store, the number of workers where there are several, and
the version of the numerics: all that decides the numbers but packages and machines, as in a run that goes on elsewhere.
A record says itself which these were. What a cache holds is not trusted: it is taken where it is whole, weights
included, and is of what was asked for; else it is trained, and what is damaged here replaced. Whoever may write here
may make up results that fit, so a cache is for those who trust each other.
"""

from __future__ import annotations

from typing import Final, Literal

from raysat.errors import DiskError, StorageError, StoreError, UsageError
from raysat.files import (
    AnyPath,
    FileModel,
    ObjectPath,
    as_path,
    check_put_if_absent,
    check_real_folder,
    file_exists,
    folder_entries,
    read_model,
    write_atomic,
)
from raysat.formatting import plural
from raysat.storage.artifacts import FOLDER as GENERATED
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.records import Record, TrialSpec
from raysat.storage.sealed import SealedFolder
from raysat.storage.taking import take_over
from raysat.storage.verify import contradiction

FILE: Final = "cache.json"
_OF_A_RUN: Final = frozenset({"plan.json", "study.yaml", "search.json"})


class CacheFile(FileModel):
    """``cache.json``: the folder is a cache."""

    format: Literal[1] = 1


class Cache:
    """Finished work that studies share; any number of processes use it at a time."""

    def __init__(self, root: AnyPath | str) -> None:
        """Take the folder of a cache; ``open`` looks whether it is one."""
        self.root = as_path(root)
        self.records, self.artifacts = Ledger(self.root), Artifacts(self.root / GENERATED)
        self._refused: set[str] = set()  # trials whose entry cannot be taken: offers replace it

    @classmethod
    def open(cls, root: AnyPath | str) -> Cache:
        """Open a cache, or make one.

        Raises:
            UsageError: a run is there, or something else: what ``ledger gc`` deletes is a cache's own.
            StorageError: a folder of it is a link.
            FormatError: another raysat's cache is there.
            DiskError: it cannot be made.
        """
        cache = cls(root)
        cache.records.check_folders()
        check_real_folder(cache.artifacts.root)
        if is_cache(cache.root):
            return cache
        names = [entry.name for entry in folder_entries(cache.root)]
        if others := [name for name in names if name != FILE and not name.startswith(".")]:  # else made meanwhile
            is_run = not _OF_A_RUN.isdisjoint(others)
            what = "is a run, not a cache" if is_run else f"is no cache, and holds {plural(len(others), 'other thing')}"
            raise UsageError(f"{cache.root} {what}", hint="give {--cache} a folder of its own: an empty one, or a new")
        if isinstance(cache.root, ObjectPath):
            check_put_if_absent(cache.root)
        write_atomic(cache.root / FILE, CacheFile().model_dump_json())
        return cache

    def trials(self) -> frozenset[str]:
        """The trials that have an entry, whole or not."""
        return frozenset(entry.name for entry in folder_entries(self.root / "trials"))

    def take_trial(self, trial: str, spec: TrialSpec, run: Ledger) -> Record | None:
        """Take a trial into a run that lacks it.

        Args:
            trial: its id.
            spec: what it is to be the result of.
            run: where to.

        Returns:
            Its record; None where the cache has none that is whole and of that.

        Raises:
            DiskError: the cache cannot be read, or the run not written.
        """
        try:
            if not self.records.has_record(trial):
                return None
            record = self.records.read(trial)
            is_asked_for = self.records.read_spec(trial) == spec and record.data.fingerprint == spec.data
            if not is_asked_for or self.records.damage(trial) or contradiction(self.records, trial):
                self._refused.add(trial)
                return None
            source, target = SealedFolder(self.root / "trials" / trial), run.root / "trials" / trial
            take_over(source, target, replace=run.has_record(trial), check=True)
        except DiskError:
            raise
        except StorageError:  # damaged, hidden, another raysat's: training costs more, and is as good
            self._refused.add(trial)
            return None
        run.clear_failure(trial)
        return record

    def take_patches(self, job: str, of: str, artifacts: Artifacts) -> bool:
        """Take generated patches.

        Args:
            job: that made them.
            of: fingerprint of the real store.
            artifacts: where to.

        Returns:
            Whether the cache has them whole, of that store.

        Raises:
            DiskError: as ``take_trial``.
        """
        try:
            if not self.artifacts.has_record(job) or self.artifacts.read(job).data.fingerprint != of:
                return False
            files = self.artifacts.read_files(job)
        except DiskError:
            raise
        except (StorageError, StoreError):
            return False
        artifacts.write(job, files)
        return True

    def offer_trial(self, trial: str, run: Ledger) -> None:
        """Have a run's finished trial here, unless one is. Raises StorageError."""
        there = self.records.has_record(trial)
        if there and self.records.damage(trial) is None and trial not in self._refused:
            return
        source, target = SealedFolder(run.root / "trials" / trial), self.root / "trials" / trial
        try:
            take_over(source, target, replace=there, check=False)
        except StorageError:
            if not self.records.is_finished(trial):  # else another was first
                raise

    def offer_patches(self, job: str, artifacts: Artifacts) -> None:
        """Have a finished generator's patches here, unless they are. Raises StorageError, StoreError."""
        if not self.artifacts.is_finished(job):
            self.artifacts.write(job, artifacts.read_files(job))


def is_cache(folder: AnyPath) -> bool:
    """Whether a folder is a cache. Raises StorageError where that cannot be told."""
    file = folder / FILE
    if not file_exists(file):
        return False
    read_model(CacheFile, file, remedy=f"delete {file} if the folder is a cache: it is written anew")
    return True
