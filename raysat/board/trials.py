"""Which trials of a run have a whole record and which failed, looked up again only where something was written.

A record appears in its folder at once (``storage/ledger.py``): where the folder of records is as it was, nothing was
finished. New names are looked at one by one. Nothing is written: neither the index nor the metrics are kept for others.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from raysat.errors import DeniedError, DiskError, StorageError
from raysat.files import AnyPath, ObjectPath, folder_entries, map_at_once
from raysat.files.object_store import describe_objects
from raysat.formatting import elide_line, one_line
from raysat.storage.index import RecordIndex
from raysat.storage.ledger import Ledger

_NEVER: Final = sys.maxsize  # so many records have to be read for an index to be written
_TICK_S: Final = 2.0  # two writings in one tick of a disk's clock look like one
_LINES: Final = 14  # of a traceback
_LONGEST: Final = 400  # characters of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a trial has no record that can be used."""

    error: str  # one line
    hint: str | None = None
    time: float | None = None  # when it failed
    lines: tuple[str, ...] = ()  # the last of its traceback


class Trials:
    """Knows what became of the trials of a run."""

    def __init__(self, root: AnyPath) -> None:
        """Look nowhere yet; ``root`` is the folder of the run."""
        self.ledger = Ledger(root)
        self.finished: dict[str, str | None] = {}  # with the stamp of the record where that was told
        self.failures: dict[str, Why] = {}
        self.damaged: dict[str, str] = {}  # records that cannot be used, and why
        self._wanted: frozenset[str] = frozenset()
        self._records = _Folder(root / "trials", stamped=False)
        self._failures = _Folder(root / "failures", stamped=True)
        self._stamps: dict[str, str] = {}  # of failures that were read

    def look(self, wanted: Collection[str]) -> bool:
        """Look what became of some trials; returns whether anything changed. Raises StorageError where it is hidden."""
        asked = frozenset(wanted)
        if asked != self._wanted:
            self._wanted = asked
            self.finished, self.damaged, self.failures, self._stamps = {}, {}, {}, {}
            self._records.forget()
            self._failures.forget()
            index = RecordIndex(self.ledger.root, self.ledger.root / "trials", worth=_NEVER)
            self.finished = index.finished(tuple(asked), self._is_whole)
            self._look_for_failures()
            return True
        return self._look_for_records() | self._look_for_failures()

    def why(self, trial: str) -> Why | None:
        """Why a trial has no record that can be used; None where it has one, or has not run."""
        if trial in self.finished:
            return None
        if (fault := self.damaged.get(trial)) is not None:
            return Why(error=one_line(fault))
        return self.failures.get(trial)

    def _is_whole(self, trial: str) -> bool:
        self.damaged.pop(trial, None)
        try:
            if not self.ledger.has_record(trial):
                return False
            fault = self.ledger.damage(trial)
        except (DeniedError, DiskError):
            raise
        except StorageError as error:
            fault = error.message
        if fault is not None:
            self.damaged[trial] = fault
        return fault is None

    def _look_for_records(self) -> bool:
        names = self._records.changed()
        if names is None:
            return False
        there = self._wanted & names.keys()
        gone = self.finished.keys() - there
        new = sorted(there - self.finished.keys())
        before = dict(self.damaged)
        are_whole = map_at_once(self.ledger.root, self._is_whole, new)
        whole = [trial for trial, is_so in zip(new, are_whole, strict=True) if is_so]
        for trial in gone:
            del self.finished[trial]
        self.finished |= dict.fromkeys(whole)
        return bool(gone or whole or before != self.damaged)

    def _look_for_failures(self) -> bool:
        names = self._failures.changed()
        if names is None:
            return False
        stamps = {name.removesuffix(".json"): stamp for name, stamp in names.items() if name.endswith(".json")}
        stamps = {trial: stamp for trial, stamp in stamps.items() if trial in self._wanted}
        new = [trial for trial, stamp in stamps.items() if self._stamps.get(trial) != stamp]
        found = map_at_once(self.ledger.root, self._failure, new)
        gone = self.failures.keys() - stamps.keys()
        for trial in gone:
            del self.failures[trial]
        self.failures |= {trial: why for trial, why in zip(new, found, strict=True) if why is not None}
        self._stamps = stamps
        return bool(new or gone)

    def _failure(self, trial: str) -> Why | None:
        try:
            failure = self.ledger.read_failure(trial)
        except (DeniedError, DiskError):
            raise
        except StorageError as error:
            return Why(error=error.message, hint=error.hint)
        if failure is None:
            return None
        lines = (failure.traceback or "").rstrip().splitlines()[-_LINES:]
        return Why(
            error=one_line(failure.error),
            hint=None if failure.hint is None else one_line(failure.hint),
            time=failure.time,
            lines=tuple(elide_line(line, _LONGEST) for line in lines),
        )


class _Folder:
    """What lies in a folder, listed again only where that may have changed."""

    def __init__(self, folder: AnyPath, *, stamped: bool) -> None:
        self._folder, self._stamped = folder, stamped
        self._changed: int | None = None  # when a disk says that the folder was; None: it is to be listed

    def forget(self) -> None:
        """List it next time, whatever its time of change."""
        self._changed = None

    def changed(self) -> dict[str, str] | None:
        """By name a stamp of each, or nothing; None where none was made, replaced or removed since the last call."""
        if isinstance(self._folder, ObjectPath):
            if self._stamped:
                return {each.name: f"{each.tag} {each.size}" for each in describe_objects(self._folder)}
            return {entry.name: "" for entry in folder_entries(self._folder)}
        changed = 0
        with suppress(OSError):  # what hides it says the listing
            changed = self._folder.stat().st_mtime_ns
        if changed == self._changed:
            return None
        self._changed = changed if changed / 1e9 + _TICK_S <= time.time() else None
        entries = folder_entries(self._folder)
        if not self._stamped:
            return {entry.name: "" for entry in entries}
        stamps = {}
        for entry in entries:
            with suppress(FileNotFoundError):  # gone meanwhile
                found = entry.stat(follow_symlinks=False)
                stamps[entry.name] = f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"
        return stamps
