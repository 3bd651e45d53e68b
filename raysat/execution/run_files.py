"""What workers read and write of a run: records, checkpoints, generated patches, files of stores; without ray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from raysat.errors import StoreError
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure

STORE_FILES: Final = ("images.npy", "labels.npy", "store.json")  # the description last, as it makes a store whole
_BLOCK: Final = 32 << 20  # bytes of a store in one message


class RunFiles:
    """A run's files where they can be reached; any number of processes and threads may use them at a time."""

    def __init__(self, run: Path, store: Path, generated: Path) -> None:
        """Take the places.

        Args:
            run: folder of the run's ledger.
            store: folder of the real store.
            generated: folder of the generated stores.
        """
        self._ledger = Ledger(run)
        self._artifacts = Artifacts(generated)
        self._store = store

    def unfinished(self, trials: Sequence[str]) -> list[str]:
        """Those of some trials that have no finished record."""
        return [trial for trial in trials if not self._ledger.is_finished(trial)]

    def write_record(self, trial: str, files: Mapping[str, bytes]) -> None:
        """Write a finished trial's files; when this returns they are on disk. Raises StorageError."""
        self._ledger.write(trial, files)

    def write_failure(self, failure: Failure) -> None:
        """Write why a job failed, unless it is finished: a job may fail after trials that ended on it."""
        if not self._ledger.is_finished(failure.id):
            self._ledger.write_failure(failure)

    def find_state(self, states: Sequence[str]) -> str | None:
        """Name the first of some checkpoints that is stored and whole."""
        return next(filter(self._ledger.checkpoints.is_whole, states), None)

    def read_state(self, state: str) -> bytes:
        """Return a checkpoint; empty where it is gone or damaged."""
        return self._ledger.checkpoints.read(state) or b""

    def save_state(self, state: str, content: bytes, replaces: str | None) -> None:
        """Write a checkpoint; when this returns it is on disk. Raises StorageError.

        Args:
            state: its name.
            content: what is saved.
            replaces: the name of a checkpoint that it makes needless.
        """
        self._ledger.checkpoints.write(state, content)
        if replaces is not None:
            self._ledger.checkpoints.drop(replaces)

    def is_generated(self, job: str) -> bool:
        """Whether a generate job is finished, even if by another run."""
        return self._artifacts.is_finished(job)

    def write_generated(self, job: str, files: Mapping[str, bytes]) -> None:
        """Write a finished generate job's files, unless another run was first; when this returns they are on disk."""
        self._artifacts.write(job, files)
        self._ledger.clear_failure(job)

    def fingerprint(self, job: str) -> str:
        """The fingerprint of a finished generate job's patches. Raises StoreError where they are gone."""
        try:
            return self._artifacts.open(job).fingerprint
        except StoreError as error:
            raise StoreError(
                f"generated patches are gone or damaged: {error.message}",
                hint="run the same command again: they are made anew",
            ) from error

    def read_store(self, name: str, offset: int, job: str | None) -> bytes:
        """Return a block of one of the files of a store; empty at its end.

        Args:
            name: of the file.
            offset: where the block begins, in bytes.
            job: the generate job that made the store; None for the real one.
        """
        if name not in STORE_FILES:
            raise StoreError(f"a store has no file {name!r}")
        folder = self._store if job is None else self._artifacts.path(job)
        with (folder / name).open("rb") as file:
            file.seek(offset)
            return file.read(_BLOCK)
