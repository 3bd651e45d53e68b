"""The keeper: one actor on the driver's node that alone writes the ledger, and hands the store to nodes without it.

Workers may run on machines that share no disk with the driver. They send finished records here; the write is durable
before the trial counts as done. A node that cannot see the store's path copies it once into its cache, by block.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from raysat.data.cache import cache_folder
from raysat.data.store import PatchStore
from raysat.errors import StoreError
from raysat.ledger import Failure, Ledger

_BLOCK: Final = 32 << 20
_STORE_FILES: Final = ("images.npy", "labels.npy", "store.json")  # the description last, as it makes a store whole


class Keeper:
    """Writes records and reads the store's files, on behalf of workers."""

    def __init__(self, run: str, store: str) -> None:
        self._ledger = Ledger(run)
        self._store = Path(store)

    def finish(self, job: str, files: dict[str, bytes]) -> None:
        """Write a finished trial's files; when this returns they are on disk."""
        self._ledger.write(job, files)

    def fail(self, failure: Failure) -> None:
        """Write why a trial failed."""
        self._ledger.write_failure(failure)

    def read_store(self, name: str, offset: int) -> bytes:
        """Return a block of one of the store's files; empty at its end."""
        if name not in _STORE_FILES:
            raise StoreError(f"a store has no file {name!r}")
        with (self._store / name).open("rb") as file:
            file.seek(offset)
            return file.read(_BLOCK)


def start_keeper(run: Path, store: Path) -> Any:
    """Start the keeper on the driver's node; return its handle."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(num_cpus=0, scheduling_strategy=here)(Keeper)
    return actor.remote(str(run.resolve()), str(store.resolve()))


def open_anywhere(path: str, fingerprint: str, keeper: Any) -> PatchStore:
    """Open the store on this node, copying it into the node's cache first where its path leads nowhere.

    Raises:
        StoreError: the store cannot be opened, or another one lies under its path.
    """
    if (Path(path) / "store.json").is_file():
        store = PatchStore.open(path)
        if store.fingerprint == fingerprint:
            return store
    target = cache_folder() / "stores" / fingerprint
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{fingerprint}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers of a node: the first one copies
        if not target.is_dir():
            _copy(target, fingerprint, keeper)
    return PatchStore.open(target)


def _copy(target: Path, fingerprint: str, keeper: Any) -> None:
    work = Path(tempfile.mkdtemp(prefix=".copy-", dir=target.parent))
    try:
        for name in _STORE_FILES:
            with (work / name).open("wb") as file:
                while block := ray.get(keeper.read_store.remote(name, file.tell())):
                    file.write(block)
                os.fsync(file.fileno())
        if PatchStore.open(work).fingerprint != fingerprint:
            raise StoreError("the store changed while the study ran", hint="run the same command again")
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
