"""Keeps what is evaluated of a run's models with the hash of their weights, and says what need not be made again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from raysat.data.patch_store import PatchStore
from raysat.errors import DeniedError, DiskError, FormatError, StorageError
from raysat.storage.evaluations import EvaluationRecord, Evaluations, Subject
from raysat.storage.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The evaluations of a run's models."""

    ledger: Ledger
    versions: Mapping[str, str]  # of packages, for the records

    def current(self, name: str, trial: str, store: PatchStore) -> EvaluationRecord | None:
        """Return what came out of an evaluation, unless it is to be made: missing, damaged, or of something else.

        Args:
            name: of the evaluation.
            trial: whose.
            store: whose patches it should be of.

        Raises:
            FormatError: another raysat wrote it, which is not to be replaced.
            DeniedError: this user may not read it.
            DiskError: the machine cannot.
        """
        there = Evaluations(self.ledger.root)
        if not there.has(name, trial):
            return None
        try:
            record = there.read_whole(name, trial)
        except (DeniedError, DiskError, FormatError):
            raise
        except StorageError:
            return None
        is_of_these = record.data == store.fingerprint and record.is_current(self.ledger.weights_digest(trial))
        return record if is_of_these else None

    def keep(
        self, trial: str, subject: Subject, store: PatchStore, files: Mapping[str, bytes], *, n: int, began: float
    ) -> None:
        """Write what came out.

        Args:
            trial: whose.
            subject: what was evaluated.
            store: whose patches were.
            files: what came out, by name.
            n: patches.
            began: when, in seconds since 1970.

        Raises:
            DiskError: it cannot be written; what was there is kept.
        """
        ended = time.time()
        record = EvaluationRecord(
            trial=trial,
            weights=self.ledger.weights_digest(trial),
            subject=subject,
            data=store.fingerprint,
            n=n,
            seconds=max(0.0, ended - began),
            ended=ended,
            versions=dict(self.versions),
        )
        Evaluations(self.ledger.root).write(record, files)
