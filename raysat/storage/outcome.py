"""What became of a trial, as ``status`` and ``report`` have it alike: its record, why it has none, or nothing yet."""

from __future__ import annotations

from raysat.errors import DeniedError, DiskError, StorageError
from raysat.storage.ledger import Ledger
from raysat.storage.records import Record


def read_outcome(ledger: Ledger, trial: str) -> Record | str | None:
    """Look up a trial.

    Args:
        ledger: of its run.
        trial: its id.

    Returns:
        Its whole record; why it has none that can be used: it failed, or is damaged; None where it has not run.

    Raises:
        DeniedError: this user may not read it.
        DiskError: the machine cannot.
    """
    try:
        if ledger.has_record(trial):
            return ledger.damage(trial) or ledger.read(trial)
        failure = ledger.read_failure(trial)
    except (DeniedError, DiskError):
        raise
    except StorageError as error:
        return error.message
    return None if failure is None else failure.error
