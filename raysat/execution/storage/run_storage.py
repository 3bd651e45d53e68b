"""How each worker reaches a run's files: directly in an object store or the driver's folders, else through its disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raysat.execution.storage.driver_disk import driver_disk, remote_files
from raysat.execution.storage.run_files import RunFiles
from raysat.files import AnyPath, absolute
from raysat.storage.mark import can_write_beside, marked


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStorage:
    """Where a run's files are, as its driver tells workers."""

    run: AnyPath  # of the ledger
    store: AnyPath
    generated: AnyPath
    marks: tuple[Path, ...]  # that the driver holds in those of these folders that are on a disk
    disk: Any  # the actor of ``driver_disk``; None where all workers are on the driver's machine

    def open(self) -> RunFiles:
        """What this worker reads and writes; once a worker is enough.

        A path that leads somewhere on its machine need not lead to the driver's disk: the driver's marks tell.
        """
        return self._direct if all(map(can_write_beside, self.marks)) else self.driver

    @property
    def driver(self) -> RunFiles:
        """The same through the driver's disk: for what lies there alone."""
        return self._direct if self.disk is None else remote_files(self.disk)

    @property
    def _direct(self) -> RunFiles:
        return RunFiles(self.run, self.store, self.generated)


@contextmanager
def run_storage(run: AnyPath, store: AnyPath, generated: AnyPath, *, one_machine: bool = False) -> Iterator[RunStorage]:
    """Mark a run's folders, and have its files at hand for workers, for as long as the run takes.

    Args:
        run: of the run's ledger, which is there.
        store: of the real store, from anywhere on this machine.
        generated: of the generated stores; it is marked where it is there.
        one_machine: no worker will ever be on another one.

    Yields:
        What slots are given.

    Raises:
        DiskError: a folder cannot be written.
    """
    run, generated = absolute(run), absolute(generated)
    folders = [folder for folder in (run, generated) if isinstance(folder, Path) and (folder == run or folder.is_dir())]
    with ExitStack() as stack:
        marks = tuple(stack.enter_context(marked(folder)) for folder in folders)
        disk = None if one_machine else stack.enter_context(driver_disk(run, store, generated))
        yield RunStorage(run=run, store=store, generated=generated, marks=marks, disk=disk)
