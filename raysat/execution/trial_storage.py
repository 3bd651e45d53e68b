"""What workers need of a run's storage, wherever it is: the actor in a run, memory in tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from raysat.storage.records import Failure


class TrialStorage(Protocol):
    """Records and checkpoints of a run, its generated patches, and the files of its stores."""

    def unfinished(self, trials: Sequence[str]) -> list[str]:
        """Those of some trials that have no finished record."""

    def write_record(self, trial: str, files: Mapping[str, bytes]) -> None:
        """Write a finished trial's files; when this returns they are on disk. Raises StorageError."""

    def write_failure(self, failure: Failure) -> None:
        """Write why a job failed, unless it is finished: a job may fail after trials that ended on it."""

    def find_state(self, states: Sequence[str]) -> str | None:
        """Name the first of some checkpoints that is stored and whole."""

    def read_state(self, state: str) -> bytes:
        """Return a checkpoint; empty where it is gone or damaged."""

    def save_state(self, state: str, content: bytes, replaces: str | None) -> None:
        """Write a checkpoint; when this returns it is on disk. Raises StorageError.

        Args:
            state: its name.
            content: what is saved.
            replaces: the name of a checkpoint that it makes needless.
        """

    def is_generated(self, job: str) -> bool:
        """Whether a generate job is finished, even if by another run."""

    def write_generated(self, job: str, files: Mapping[str, bytes]) -> None:
        """Write a finished generate job's files, unless another run was first; when this returns they are on disk."""

    def fingerprint(self, job: str) -> str:
        """The fingerprint of a finished generate job's patches. Raises StoreError where they are gone."""

    def read_store(self, name: str, offset: int, job: str | None) -> bytes:
        """Return a block of one of the files of a store; empty at its end.

        Args:
            name: of the file.
            offset: where the block begins, in bytes.
            job: the generate job that made the store; None for the real one.
        """
