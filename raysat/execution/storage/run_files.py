"""What workers read and write of a run: records, checkpoints, generated patches, files of stores; without ray."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from raysat.data.store_files import STORE_FILES, LocalFiles
from raysat.errors import StoreError
from raysat.files import AnyPath, reading
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.records import Failure


class RunFiles:
    """A run's files where they can be reached; any number of processes and threads may use them at a time."""

    def __init__(self, run: AnyPath, store: AnyPath, generated: AnyPath) -> None:
        """Take the places.

        Args:
            run: folder of the run's ledger.
            store: folder of the real store, of which parts can be read where it is on a disk.
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

    def digest(self, job: str) -> str:
        """The digest of a finished generate job's store of patches. Raises StoreError where it is gone."""
        try:
            return self._artifacts.open(job).digest
        except StoreError as error:
            raise StoreError(
                f"generated patches are gone or damaged: {error.message}",
                hint="run the same command again: they are made anew",
            ) from error

    def store_size(self, name: str, job: str | None) -> int | None:
        """Bytes of one of the files of a store; None where it has none of this name."""
        return LocalFiles(self._folder(job)).size(name)

    def read_store(self, name: str, start: int, stop: int, job: str | None) -> npt.NDArray[np.uint8]:
        """Return a part of one of the files of a store.

        Args:
            name: of the file.
            start: the first byte.
            stop: the byte after the last.
            job: the generate job that made the store; None for the real one.

        Returns:
            The bytes, as an array, which Ray hands to another process without a copy of its own; fewer at the end.
        """
        if name not in STORE_FILES:
            raise StoreError(f"a store has no file {name!r}")
        file = self._folder(job) / name
        with reading(file, error=StoreError):
            return np.fromfile(file, np.uint8, stop - start, offset=start)

    def _folder(self, job: str | None) -> Path:
        folder = self._store if job is None else self._artifacts.path(job)
        if not isinstance(folder, Path):
            raise StoreError(f"{folder} lies on no disk of the driver's: it is read by its URL")
        return folder
