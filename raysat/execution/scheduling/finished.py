"""Whether a job's work is on record, whatever became of the worker that did it."""

from __future__ import annotations

from raysat.planning.jobs import GenerateJob, WorkItem
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger


def is_finished(item: WorkItem, ledger: Ledger, artifacts: Artifacts) -> bool:
    """Whether a trial has its record, or a generator its patches.

    Args:
        item: the trial or generator.
        ledger: where records are.
        artifacts: where generated patches are.

    Returns:
        True where nothing of it is left to do.

    Raises:
        StorageError: that cannot be seen.
    """
    if isinstance(item, GenerateJob):
        return artifacts.is_finished(item.id)
    return ledger.is_finished(item.id)
