"""What became of trials, as ``status`` and ``report`` have it alike: whole, why not, or not run yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from raysat.errors import DeniedError, DiskError, StorageError
from raysat.files import map_at_once
from raysat.storage.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What became of some trials; one that is in neither has not run."""

    finished: Mapping[str, str | None]  # they have a whole record; and its stamp, None where that may change unseen
    unusable: Mapping[str, str]  # they have none that can be used; and why: they failed, or it is damaged


def read_outcomes(ledger: Ledger, trials: Collection[str]) -> Outcomes:
    """Look trials up: of those with a record only what the index lacks is read.

    Args:
        ledger: of their run.
        trials: their ids.

    Returns:
        What became of them.

    Raises:
        DeniedError: this user may not read a record.
        DiskError: the machine cannot.
    """
    unusable: dict[str, str] = {}

    def is_whole(trial: str) -> bool:
        has_record, wrong = _damage(ledger, trial)
        if wrong is not None:
            unusable[trial] = wrong
        return has_record and wrong is None

    finished = ledger.index.finished(trials, is_whole)
    failed = sorted(ledger.failed().intersection(trials).difference(finished, unusable))
    reasons = map_at_once(ledger.root, lambda trial: _failure(ledger, trial), failed)
    unusable |= {trial: why for trial, why in zip(failed, reasons, strict=True) if why is not None}
    return Outcomes(finished=finished, unusable=unusable)


def _damage(ledger: Ledger, trial: str) -> tuple[bool, str | None]:
    """Whether a trial has a record, and why that is not whole."""
    try:
        return (True, ledger.damage(trial)) if ledger.has_record(trial) else (False, None)
    except (DeniedError, DiskError):
        raise
    except StorageError as error:
        return True, error.message


def _failure(ledger: Ledger, trial: str) -> str | None:
    """Why a trial failed, if it did."""
    try:
        failure = ledger.read_failure(trial)
    except (DeniedError, DiskError):
        raise
    except StorageError as error:
        return error.message
    return None if failure is None else failure.error
