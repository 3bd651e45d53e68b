"""How far a run is: a small file in its folder that it keeps up to date, for whoever asks from elsewhere."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from pydantic import Field, FiniteFloat

from raysat.errors import StorageError
from raysat.files import FileModel, read_model, write_unsynced


class RunningJob(FileModel):
    """A trial or generator that trains now."""

    job: str  # id
    name: str
    seed: int | None  # None for a generator
    epoch: int  # done; steps of a generator
    epochs: int


class RunStatus(FileModel):
    """How far a run was when the file was written; by default signed by this process, now."""

    host: str = Field(default_factory=socket.gethostname)
    pid: int = Field(default_factory=os.getpid)
    time: FiniteFloat = Field(default_factory=time.time)  # seconds since 1970, UTC
    done: int  # in this run
    failed: int
    already_done: int  # when it began
    total: int
    running: tuple[RunningJob, ...]
    eta_seconds: FiniteFloat | None  # that it expected to need

    @property
    def is_unfinished(self) -> bool:
        """Whether it had more to do."""
        return self.already_done + self.done + self.failed < self.total


def write_status(file: Path, status: RunStatus) -> None:
    """Replace the file at once; one that cannot be written is no reason to stop a run."""
    with suppress(OSError):
        write_unsynced(file, status.model_dump_json(indent=1))


def read_status(file: Path) -> RunStatus | None:
    """Read the file; None where there is none, or it is not one."""
    try:
        return read_model(RunStatus, file, remedy="it is written anew by every run")
    except StorageError:
        return None
