"""What commands found in the folder of a run, as documents."""

from __future__ import annotations

from collections.abc import Sequence

from raysat.documents.ledger_copy import CopyDocument
from raysat.documents.ledger_gc import GarbageDocument, KindPart
from raysat.documents.ledger_verify import FindingPart, VerifyDocument
from raysat.documents.logs import EventPart, FailurePart, LogsDocument
from raysat.files import AnyPath
from raysat.storage.copying import Copied
from raysat.storage.event_log import LoggedEvent
from raysat.storage.garbage import Garbage, GarbageKind
from raysat.storage.records import Failure
from raysat.storage.verify import Verification


def verify_document(folder: AnyPath, found: Verification) -> VerifyDocument:
    """Return the document of a look over a run.

    Args:
        folder: of the run.
        found: there.
    """
    findings = (FindingPart(kind=each.kind, path=str(each.path), what=each.what) for each in found.findings)
    return VerifyDocument(folder=str(folder), ok=not found.wrong, whole=found.whole, findings=tuple(findings))


def gc_document(folder: AnyPath, found: Garbage) -> GarbageDocument:
    """Return the document of what is of no use.

    Args:
        folder: of the run or cache.
        found: there.
    """
    return GarbageDocument(
        folder=str(folder),
        deleted=found.is_deleted,
        bytes=found.size,
        kinds=tuple(map(_kind, found.kinds)),
        kept_orphans=None if found.orphans is None else _kind(found.orphans),
    )


def _kind(kind: GarbageKind) -> KindPart:
    return KindPart(what=kind.what, number=kind.number, bytes=kind.size)


def copy_document(source: AnyPath, copied: Copied) -> CopyDocument:
    """Return the document of a copy.

    Args:
        source: folder of the run.
        copied: what became of it.
    """
    return CopyDocument(
        source=str(source),
        path=str(copied.path),
        records=copied.records,
        kept=copied.kept,
        generators=copied.generators,
        damaged=copied.damaged,
    )


def logs_document(folder: AnyPath, events: Sequence[LoggedEvent], failure: Failure | None) -> LogsDocument:
    """Return the document of what happened.

    Args:
        folder: of the run or search.
        events: the earliest first.
        failure: why the one trial that is asked for failed.
    """
    return LogsDocument(
        folder=str(folder),
        events=tuple(map(EventPart.model_validate, events)),
        failure=None if failure is None else FailurePart.model_validate(failure),
    )
