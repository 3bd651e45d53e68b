"""Opens stores on a worker's node: in place where its path leads to them, else from a copy in the node's cache."""

from __future__ import annotations

from pathlib import Path

from raysat.data.store import PatchStore
from raysat.errors import StoreError
from raysat.execution.run_files import STORE_FILES, RunFiles
from raysat.files import cache_folder, install_folder, partial_folder, sync_file
from raysat.files.locks import exclusive


def open_store(path: Path, fingerprint: str, driver: RunFiles, *, job: str | None = None) -> PatchStore:
    """Open a store on this node, copying it by block into the node's cache first where its path leads nowhere.

    Args:
        path: where it is on the driver's node.
        fingerprint: of the patches that are meant.
        driver: where to copy it from.
        job: the generate job that made it; None for the real store.

    Returns:
        The store.

    Raises:
        StoreError: the store cannot be opened, or another one lies under its path.
    """
    if (path / "store.json").is_file():
        store = PatchStore.open(path)
        if store.fingerprint == fingerprint:
            return store
    target = cache_folder() / "stores" / fingerprint
    with exclusive(target.parent / f"{fingerprint}.lock"):  # several workers of a node: the first one copies
        if not target.is_dir():
            _copy(target, fingerprint, driver, job)
    return PatchStore.open(target)


def _copy(target: Path, fingerprint: str, driver: RunFiles, job: str | None) -> None:
    with partial_folder(target) as work:
        for name in STORE_FILES:
            with (work / name).open("wb") as file:
                while block := driver.read_store(name, file.tell(), job):
                    file.write(block)
            sync_file(work / name)
        if PatchStore.open(work).fingerprint != fingerprint:
            raise StoreError("the store changed while the study ran", hint="run the same command again")
        install_folder(work, target)
