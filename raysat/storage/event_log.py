"""What happened in a run, an event a line: ``events/<nanoseconds>-<pid>.jsonl``, a file for each command on it.

A line is a JSON object with the fields of ``LoggedEvent``; lines are in the order in which things happened.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import Final

from pydantic import Field

from raysat.errors import StorageError
from raysat.files import AnyPath, FileModel, ObjectPath, folder_entries, parse_model, read_bytes, write_unsynced
from raysat.files.fields import Count, Id, Line, Seed, Time

FOLDER: Final = "events"
_MAX_BYTES: Final = 64 << 20  # of a file: a hundred thousand events have a third of it
_EVERY_S: Final = 10.0  # between two writings to an object store, which takes whole objects


class LoggedEvent(FileModel):
    """Something that happened in a run."""

    time: Time = Field(default_factory=time.time)
    event: Line  # a trial's new state, or what became of the run: see ``RunLog``
    trial: Id | None = None  # of a trial or generator; None where it is about the run
    name: Line | None = None  # arm of the trial, or what the generator makes
    seed: Seed | None = None
    epoch: Count | None = None  # done by then; steps of a generator
    host: Line = Field(default_factory=socket.gethostname)  # where: of a trial its worker's, else the driver's
    address: Line | None = None  # of that host, in Ray's lists
    pid: Count = Field(default_factory=os.getpid)  # of the worker, or the driver
    reason: Line | None = None  # why, or what came of it


class EventLog:
    """Writes the events of one command. It is made as the first one comes; one that cannot be written stops no run."""

    def __init__(self, run: AnyPath) -> None:
        self._file = run / FOLDER / f"{time.time_ns():019d}-{os.getpid()}.jsonl"
        self._handle: int | None = None
        self._lines: list[str] = []  # of an object
        self._put = time.monotonic()  # when an object was written last

    def write(self, event: LoggedEvent) -> None:
        """Add an event."""
        line = event.model_dump_json(exclude_none=True) + "\n"
        if isinstance(self._file, ObjectPath):
            self._lines.append(line)
            if time.monotonic() - self._put >= _EVERY_S:
                self._put_object()
            return
        with suppress(OSError):
            if self._handle is None:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
                self._handle = os.open(self._file, flags, 0o644)
            os.write(self._handle, line.encode())

    def close(self) -> None:
        """Write what is left."""
        if self._lines:
            self._put_object()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _put_object(self) -> None:
        self._put = time.monotonic()
        with suppress(OSError, StorageError):
            write_unsynced(self._file, "".join(self._lines))


def read_events(run: AnyPath) -> list[LoggedEvent]:
    """Read what happened in a run, the earliest first; without a last line that a killed driver left unfinished.

    Raises StorageError where a file is damaged or too large.
    """
    names = sorted(entry.name for entry in folder_entries(run / FOLDER) if entry.name.endswith(".jsonl"))
    events: list[LoggedEvent] = []
    for name in names:
        file = run / FOLDER / name
        remedy = f"delete {file}: `raysat logs` and `raysat board` show what is in it, nothing else reads it"
        whole, _, _ = read_bytes(file, max_bytes=_MAX_BYTES, remedy=remedy).rpartition(b"\n")
        for number, line in enumerate(whole.splitlines(), start=1):
            events.append(parse_model(LoggedEvent, line, f"{file}, line {number},", remedy=remedy))
    return events
