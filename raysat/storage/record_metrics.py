"""The metrics of finished records in one file, ``metrics.json``, which saves a leaderboard reading every record.

Each entry has the stamp of its record's folder (``files/stamps.py``), as the index of finished records has: where that
still fits, the record is what it was. It is a cache, like the index (``index.py``): safe to delete, of no use where it
is damaged or of another format, written anew by the next who reads many records, and trusted as much as these.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from raysat.errors import DeniedError, DiskError, StorageError
from raysat.files import AnyPath, FileModel, map_at_once, read_model, write_unsynced
from raysat.files.fields import MAX_CLASSES, Id, Line
from raysat.metrics.confusion import Metrics
from raysat.storage.index import Digest
from raysat.storage.ledger import Ledger
from raysat.storage.records import Record

FILE: Final = "metrics.json"
_WORTH: Final = 50  # records to read: for fewer the file is not written, and small runs have none
_MAX_BYTES: Final = 256 << 20  # of the file: 10^5 records of four classes have a third of it


class RecordKind(FileModel):
    """What metrics are of; mostly all records of a run have it in common."""

    reported: Id  # split
    classes: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MAX_CLASSES)]
    fingerprint: Line | None = None  # of the store


@dataclass(frozen=True, slots=True)
class RecordMetrics:
    """What a leaderboard needs of a record."""

    kind: RecordKind
    metrics: Metrics

    @classmethod
    def of(cls, record: Record) -> RecordMetrics:
        """Take them from a record."""
        kind = RecordKind(reported=record.reported, classes=record.classes, fingerprint=record.data.fingerprint)
        return cls(kind, record.metrics[record.reported])


_Entry = tuple[Digest, Annotated[int, Field(ge=0)], Metrics]  # stamp, position of its kind


class _File(FileModel):
    format: Literal[1] = 1
    kinds: tuple[RecordKind, ...]
    records: dict[Id, _Entry]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        classes = [len(kind.classes) for kind in self.kinds]
        for trial, (_, kind, metrics) in self.records.items():
            if kind >= len(classes) or len(metrics.confusion) != classes[kind]:
                raise ValueError(f"the metrics of {trial} are of no kind that it has")
        return self


def read_metrics(
    ledger: Ledger, finished: Mapping[str, str | None], *, worth: int = _WORTH
) -> dict[str, RecordMetrics | StorageError]:
    """Read the metrics of finished trials; of many, records are read only where the file lacks them.

    Args:
        ledger: of their run.
        finished: their ids, each with the stamp of its record; None where that may change unseen.
        worth: how many records must have been read for the file to be written.

    Returns:
        By trial, in the same order: its metrics, or why its record cannot be read.

    Raises:
        DeniedError: this user may not read a record.
        DiskError: the machine cannot.
    """
    file, stamps = ledger.root / FILE, {trial: stamp for trial, stamp in finished.items() if stamp}
    known = _read(file, stamps)
    missing = [trial for trial in finished if trial not in known]
    read = dict(zip(missing, map_at_once(ledger.root, lambda trial: _of_record(ledger, trial), missing), strict=True))
    new = {trial: found for trial, found in read.items() if trial in stamps and isinstance(found, RecordMetrics)}
    if len(new) >= worth:
        _write(file, known | new, stamps)
    return {trial: read[trial] if trial in read else known[trial] for trial in finished}


def _of_record(ledger: Ledger, trial: str) -> RecordMetrics | StorageError:
    try:
        return RecordMetrics.of(ledger.read(trial))
    except (DeniedError, DiskError):
        raise
    except StorageError as error:
        return error


def _read(file: AnyPath, stamps: Mapping[str, str]) -> dict[str, RecordMetrics]:
    try:
        found = read_model(_File, file, remedy="it is written anew", max_bytes=_MAX_BYTES)
    except StorageError:
        return {}
    return {
        trial: RecordMetrics(found.kinds[kind], metrics)
        for trial, (stamp, kind, metrics) in found.records.items()
        if stamp == stamps.get(trial)
    }


def _write(file: AnyPath, records: Mapping[str, RecordMetrics], stamps: Mapping[str, str]) -> None:
    """Replace the file; where that fails, or it would be too large to be read, the next one reads more records."""
    kinds = {kind: position for position, kind in enumerate(dict.fromkeys(found.kind for found in records.values()))}
    entries = {trial: (stamps[trial], kinds[found.kind], found.metrics) for trial, found in records.items()}
    content = _File.model_construct(kinds=tuple(kinds), records=entries).model_dump_json().encode()
    if len(content) <= _MAX_BYTES:
        with suppress(OSError, StorageError):
            write_unsynced(file, content)
