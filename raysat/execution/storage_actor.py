"""The keeper: one actor on the driver's node that alone writes the ledger, and hands stores to nodes without them.

Workers may run on machines that share no disk with the driver. They send finished records here; the write is durable
before the job counts as done. A node that cannot see a store's path copies it once into its cache, by block: the real
store, or one that a generate job made.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raysat.data.cache import cache_folder
from raysat.data.store import PatchStore
from raysat.errors import StoreError
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.storage.lock import exclusive
from raysat.storage.records import Failure

_BLOCK: Final = 32 << 20
_STORE_FILES: Final = ("images.npy", "labels.npy", "store.json")  # the description last, as it makes a store whole


class Keeper:
    """Writes records and reads the files of stores, on behalf of workers."""

    def __init__(self, run: str, store: str, generated: str) -> None:
        self._ledger = Ledger(run)
        self._artifacts = Artifacts(generated)
        self._store = Path(store)

    def finish(self, job: str, files: dict[str, bytes]) -> None:
        """Write a finished trial's files; when this returns they are on disk."""
        self._ledger.write(job, files)

    def finish_generate(self, job: str, files: dict[str, bytes]) -> None:
        """Write a finished generate job's files, unless another run was first; when this returns they are on disk."""
        self._artifacts.write(job, files)
        self._ledger.clear_failure(job)

    def unfinished(self, trials: Sequence[str]) -> list[str]:
        """Those of some trials that have no finished record."""
        return [trial for trial in trials if not self._ledger.is_finished(trial)]

    def save_state(self, state: str, content: bytes, drop: str | None) -> None:
        """Write a checkpoint, which makes another one needless; when this returns it is on disk."""
        self._ledger.checkpoints.write(state, content)
        if drop is not None:
            self._ledger.checkpoints.drop(drop)

    def find_state(self, states: Sequence[str]) -> str | None:
        """Name the first of some checkpoints that is here and whole."""
        found = self._ledger.checkpoints.read(states)
        return None if found is None else found[0]

    def read_state(self, state: str) -> bytes:
        """Return a checkpoint; empty where it is gone or damaged."""
        found = self._ledger.checkpoints.read([state])
        return b"" if found is None else found[1]

    def fail(self, failure: Failure) -> None:
        """Write why a job failed, unless it is finished: a chain may fail after trials that ended on it."""
        if not self._ledger.is_finished(failure.id):
            self._ledger.write_failure(failure)

    def is_generated(self, job: str) -> bool:
        """Whether a generate job is finished, be it by another run."""
        return self._artifacts.is_finished(job)

    def fingerprint(self, job: str) -> str:
        """The fingerprint of a finished job's patches. Raises StoreError where they are gone."""
        try:
            return self._artifacts.open(job).fingerprint
        except StoreError as error:
            raise StoreError(
                f"generated patches are gone or damaged: {error.message}",
                hint="run the same command again: they are made anew",
            ) from error

    def read_store(self, name: str, offset: int, job: str | None = None) -> bytes:
        """Return a block of one of the files of the store, or of a generate job's; empty at its end."""
        if name not in _STORE_FILES:
            raise StoreError(f"a store has no file {name!r}")
        folder = self._store if job is None else self._artifacts.path(job)
        with (folder / name).open("rb") as file:
            file.seek(offset)
            return file.read(_BLOCK)


def start_keeper(run: Path, store: Path, generated: Path) -> Any:
    """Start the keeper on the driver's node; return its handle."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(num_cpus=0, scheduling_strategy=here)(Keeper)
    return actor.remote(str(run.resolve()), str(store.resolve()), str(generated.resolve()))


def open_generated(root: str, jobs: Sequence[str], keeper: Any) -> list[PatchStore]:
    """Open the patches of finished generate jobs on this node, as ``open_anywhere`` does."""
    fingerprints: list[str] = ray.get([keeper.fingerprint.remote(job) for job in jobs])
    artifacts = Artifacts(root)
    return [
        open_anywhere(str(artifacts.path(job)), fingerprint, keeper, job=job)
        for job, fingerprint in zip(jobs, fingerprints, strict=True)
    ]


def open_anywhere(path: str, fingerprint: str, keeper: Any, *, job: str | None = None) -> PatchStore:
    """Open a store on this node, copying it into the node's cache first where its path leads nowhere.

    Without ``job`` it is the real store, else the one that this job made.

    Raises:
        StoreError: the store cannot be opened, or another one lies under its path.
    """
    if (Path(path) / "store.json").is_file():
        store = PatchStore.open(path)
        if store.fingerprint == fingerprint:
            return store
    target = cache_folder() / "stores" / fingerprint
    with exclusive(target.parent / f"{fingerprint}.lock"):  # several workers of a node: the first one copies
        if not target.is_dir():
            _copy(target, fingerprint, keeper, job)
    return PatchStore.open(target)


def _copy(target: Path, fingerprint: str, keeper: Any, job: str | None) -> None:
    work = Path(tempfile.mkdtemp(prefix=".copy-", dir=target.parent))
    try:
        for name in _STORE_FILES:
            with (work / name).open("wb") as file:
                while block := ray.get(keeper.read_store.remote(name, file.tell(), job)):
                    file.write(block)
                os.fsync(file.fileno())
        if PatchStore.open(work).fingerprint != fingerprint:
            raise StoreError("the store changed while the study ran", hint="run the same command again")
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
