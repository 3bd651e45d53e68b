"""The index of finished records: ``index.json``, which saves reading them all to know which are whole.

Whether a record is whole takes its files' checksums (``Ledger.damage``). The index names those that were found whole,
each with the stamp that its folder had (``files/stamps.py``). Where the stamp still fits nothing was written since, and
the record is whole still; all others are read. So whatever is written, replaced or deleted in a record is seen at once,
as without an index. What only the disk itself garbles, without a write, is not: ``raysat ledger verify`` reads all, and
whoever reads a file checks it.

It is a cache: safe to delete, replaced at once, of no use to a process that finds it missing, damaged or of another
format. Of two that write it at the same time the last one wins; what it lacks is read again by the next. Whoever may
write it may write records too, so that it is trusted as much as these.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Annotated, Final, Literal

from pydantic import Field

from raysat.errors import StorageError
from raysat.files import (
    AnyPath,
    FileModel,
    Stamp,
    folder_stamp,
    map_at_once,
    read_model,
    subfolder_stamps,
    write_unsynced,
)
from raysat.files.fields import Id

FILE: Final = "index.json"
_WORTH: Final = 50  # records to read: for fewer no index is written, and small runs have none
Digest = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class _Index(FileModel):
    format: Literal[1] = 1
    whole: dict[Id, Digest]  # trial -> stamp of its folder when its record was found whole


class RecordIndex:
    """Knows which records of a run are whole without reading them all."""

    def __init__(
        self, run: AnyPath, records: AnyPath, *, worth: int = _WORTH, clock: Callable[[], float] = time.time
    ) -> None:
        """Look nowhere yet.

        Args:
            run: folder of the run, which holds the index.
            records: its folder of records.
            worth: how many records it must save reading to be written.
            clock: seconds since 1970.
        """
        self._file, self._records, self._worth, self._clock = run / FILE, records, worth, clock

    def finished(self, trials: Collection[str], is_whole: Callable[[str], bool]) -> dict[str, str | None]:
        """Find those of some trials that have a whole record; writes down what had to be read to know.

        Args:
            trials: their ids.
            is_whole: reads a record.

        Returns:
            Their ids in the given order, each with the stamp of its record; None where that may change unseen.

        Raises:
            StorageError: the folder of records cannot be seen, or what ``is_whole`` raises.
        """
        now = self._clock()
        stamps = subfolder_stamps(self._records)
        known = {trial: text for trial, text in self._read().items() if _fits(stamps.get(trial), text)}
        # A record that a killed process was replacing lies beside its place (``files/write.py``).
        there = stamps.keys() | {name.removeprefix(".").removesuffix(".replaced") for name in stamps}
        read = [trial for trial in trials if trial not in known and trial in there]
        are_whole = map_at_once(self._records, is_whole, read)
        whole = {trial for trial, is_so in zip(read, are_whole, strict=True) if is_so}
        new = _settled({trial: stamps.get(trial) for trial in whole}, now)
        if len(new) >= self._worth:
            self._write({**known, **new})
        known |= new
        return {trial: known.get(trial) for trial in trials if trial in known or trial in whole}

    def add(self, trials: Collection[str], is_whole: Callable[[str], bool]) -> frozenset[str]:
        """Note records that were written a while ago, each looked at by itself; for who fills the run.

        Args:
            trials: their ids.
            is_whole: reads a record.

        Returns:
            Those to try again later: they were written a moment ago, or are too few for an index.

        Raises:
            StorageError: what ``is_whole`` raises.
        """
        now = self._clock()
        stamps = {trial: stamp for trial in trials if (stamp := folder_stamp(self._records / trial)) is not None}
        new = {trial: text for trial, text in _settled(stamps, now).items() if is_whole(trial)}
        known = self._read() | new
        if not new or len(known) < self._worth:
            return frozenset(stamps)
        self._write(known)
        return frozenset(trial for trial, stamp in stamps.items() if not stamp.settled(now))

    def forget(self, trials: Collection[str]) -> None:
        """Take out records that were read and found damaged."""
        known = self._read()
        if left := known.keys() & set(trials):
            self._write({trial: text for trial, text in known.items() if trial not in left})

    def _read(self) -> dict[str, str]:
        try:
            return read_model(_Index, self._file, remedy="it is written anew").whole
        except StorageError:
            return {}

    def _write(self, whole: Mapping[str, str]) -> None:
        """Replace the index; where that fails the next one reads more."""
        with suppress(OSError, StorageError):
            write_unsynced(self._file, _Index(whole=dict(whole)).model_dump_json())


def _settled(stamps: Mapping[str, Stamp | None], now: float) -> dict[str, str]:
    """Texts of stamps after which no write could go unseen."""
    return {trial: stamp.text for trial, stamp in stamps.items() if stamp is not None and stamp.settled(now)}


def _fits(stamp: Stamp | None, text: str) -> bool:
    return stamp is not None and stamp.text == text
