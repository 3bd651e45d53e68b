"""How far a run is: a small file in its folder that it keeps up to date, for whoever asks from elsewhere."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

from pydantic import Field

from raysat.errors import StorageError
from raysat.files import AnyPath, FileModel, read_model, write_unsynced
from raysat.files.fields import Amount, Count, Id, Line, Seed, Share, Time


class RunningJob(FileModel):
    """A trial or generator that trains now."""

    job: Id
    name: Line
    seed: Seed | None  # None for a generator
    epoch: Count  # done; steps of a generator
    epochs: Count
    balanced_accuracy: Share | None = None  # on the validation split after ``epoch``; None where nothing was scored yet
    icv: Amount | None = None


class RunStatus(FileModel):
    """How far a run was when the file was written; by default signed by this process, now."""

    host: Line = Field(default_factory=socket.gethostname)
    pid: Count = Field(default_factory=os.getpid)
    time: Time = Field(default_factory=time.time)
    done: Count  # in this run
    failed: Count
    already_done: Count  # when it began
    total: Count
    running: tuple[RunningJob, ...]
    waiting: Count = 0  # jobs for which there is no slot yet
    eta_seconds: Amount | None  # that it expected to need

    @property
    def is_unfinished(self) -> bool:
        """Whether it had more to do."""
        return self.already_done + self.done + self.failed < self.total


def write_status(file: AnyPath, status: RunStatus) -> None:
    """Replace the file at once; one that cannot be written is no reason to stop a run."""
    with suppress(OSError, StorageError):
        write_unsynced(file, status.model_dump_json(indent=1))


def read_status(file: AnyPath) -> RunStatus | None:
    """Read the file; None where there is none, or it is not one."""
    try:
        return read_model(RunStatus, file, remedy="it is written anew by every run")
    except StorageError:
        return None
