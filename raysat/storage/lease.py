"""One raysat at a time fills a run in an object store, which has no locks: by a lease with a number that only grows.

    <run>/lease/<number>.json    who holds the run: the newest number counts

A lease is made only where there is none of its number, and its owner writes it anew every third of its time to live.
Whoever wants the run watches the newest one by its own clock: where that changes, somebody lives; where it does not for
a whole time to live, or says that it was released, the next number may be taken. No two machines' clocks are compared.

An owner that was away for longer, suspended or cut off, looks for a higher number before it writes. Workers need no
lease: records are put only where there is none, and checkpoints are named by what led to them.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field

from raysat.errors import BusyError, DeniedError, DiskError, StorageError
from raysat.files import (
    FileModel,
    ObjectPath,
    check_put_if_absent,
    folder_entries,
    parse_model,
    put_if_absent,
    read_bytes,
    remove_file,
    write_atomic,
)
from raysat.files.fields import Count, Id, Line, Time
from raysat.formatting import elide_line

FOLDER: Final = "lease"
TTL_S: Final = 15.0
_NAME: Final = re.compile(r"(\d{8,15})\.json")
_MAX_BYTES: Final = 16 << 10
_RELEASE_S: Final = 2.0  # that a renewal on its way may take
_LONGEST_HOST: Final = 100  # characters that are shown
_SHOWN: Final = 2  # times to live after which a lease that was not released is shown no more as held
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while a machine sleeps


class LeaseFile(FileModel):
    """A lease as it is kept."""

    format: Literal[1] = 1
    owner: Id  # drawn anew by each that asks
    host: Line
    pid: Count
    count: Count  # of renewals
    ttl: Annotated[float, Field(gt=0, le=60)]  # seconds
    time: Time  # of the renewal, for people
    released: bool = False

    @property
    def holder(self) -> str:
        """Who it is, for people."""
        return f"pid {self.pid} on {elide_line(self.host, _LONGEST_HOST)}"


@dataclass(frozen=True, slots=True)
class _Seen:
    """The newest lease as it was read; number 0 where there is none."""

    number: int = 0
    content: bytes = b""

    @property
    def file(self) -> LeaseFile | None:
        """What it says; None for one that is damaged or another raysat's."""
        try:
            return parse_model(LeaseFile, self.content, "a lease", remedy="")
        except StorageError:
            return None


class Lease:
    """A lease of this process, renewed by a thread."""

    def __init__(self, folder: ObjectPath, number: int, file: LeaseFile) -> None:
        """Keep a lease that was just made.

        Args:
            folder: of the leases.
            number: its own.
            file: as it was made.
        """
        self._folder, self._number, self._file = folder, number, file
        self._put_at = self._sure_at = _now()
        self._is_lost = False
        self._end, self._renewing = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._keep, name="raysat-lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise DiskError where another raysat may have taken the run over, or that cannot be told."""
        if not self._is_lost and _now() - self._sure_at > self._file.ttl:
            self._look()
        if self._is_lost:
            raise DiskError(
                f"{self._folder.parent}: another raysat took over while this one was away",
                hint="what is finished is kept; the other one goes on",
            )

    def release(self) -> None:
        """Let others have the run at once; where that cannot be told them soon, they wait for its time to live."""
        self._end.set()
        if self._renewing.acquire(timeout=_RELEASE_S):
            try:
                if not self._is_lost:
                    with suppress(StorageError):
                        self._put(released=True)
            finally:
                self._renewing.release()

    def _keep(self) -> None:
        while not self._end.wait(self._file.ttl / 3):
            with self._renewing, suppress(StorageError):  # tried again soon; who writes looks for itself meanwhile
                if not self._end.is_set():
                    self._renew()

    def _renew(self) -> None:
        """Renew it, and see whether it is still the newest: one that is late may have been taken over meanwhile."""
        began, is_late = _now(), _now() - self._put_at > self._file.ttl
        self._put()
        self._put_at = began
        self._look()
        if not is_late and not self._is_lost:
            self._sure_at = began

    def _put(self, *, released: bool = False) -> None:
        changes = {"count": self._file.count + 1, "time": time.time(), "released": released}
        self._file = self._file.model_copy(update=changes)
        write_atomic(_path(self._folder, self._number), self._file.model_dump_json())

    def _look(self) -> None:
        self._is_lost = self._is_lost or _newest_number(self._folder) > self._number


@contextmanager
def leased(run: ObjectPath, waiting: Callable[[str], None] | None = None, *, ttl: float = TTL_S) -> Iterator[Lease]:
    """Hold a run for this process.

    Args:
        run: its folder.
        waiting: called once with who holds it, where that is another process; then waits for it to end.
        ttl: seconds after which others take over what is not renewed.

    Yields:
        The lease.

    Raises:
        BusyError: another process holds it, and there is nobody to tell.
        DiskError: the store cannot be asked, or cannot put only where there is nothing.
    """
    folder = run / FOLDER
    check_put_if_absent(folder)
    lease = _acquire(folder, waiting, ttl)
    try:
        yield lease
    finally:
        lease.release()


def lease_holder(run: ObjectPath) -> str | None:
    """Who holds a run: ``pid 12 on host``; None where nobody does, or did not renew it for long by this clock."""
    try:
        file = _newest(run / FOLDER).file
    except StorageError:
        return None
    if file is None or file.released or time.time() - file.time > _SHOWN * file.ttl:
        return None
    return file.holder


def _acquire(folder: ObjectPath, waiting: Callable[[str], None] | None, ttl: float) -> Lease:
    """Take the next number once nobody renews the newest. Raises as ``leased``."""
    watched, since, told = _newest(folder), _now(), False
    while True:
        file = watched.file
        is_free = not watched.number or (file is not None and file.released)
        may_take = is_free or _now() - since > (ttl if file is None else file.ttl)
        if may_take and (lease := _make(folder, watched.number + 1, ttl)):
            return lease
        time.sleep(ttl / 15)
        seen = _newest(folder)
        if seen == watched:
            continue
        watched, since, file = seen, _now(), seen.file
        if file is not None and not file.released and not told:
            busy = f"{folder.parent} is in use by another raysat ({file.holder})"
            if waiting is None:
                raise BusyError(busy, hint="add {--wait} to go on when it ends, or choose another {--out}")
            waiting(busy)
            told = True


def _make(folder: ObjectPath, number: int, ttl: float) -> Lease | None:
    """Make the lease of a number; None where another process was first."""
    file = LeaseFile(
        owner=secrets.token_hex(8), host=socket.gethostname(), pid=os.getpid(), count=0, ttl=ttl, time=time.time()
    )
    if not put_if_absent(_path(folder, number), file.model_dump_json().encode()):
        return None
    lease = Lease(folder, number, file)
    for older in _numbers(folder):
        if older < number:
            with suppress(StorageError):
                remove_file(_path(folder, older), folder)
    return lease


def _newest(folder: ObjectPath) -> _Seen:
    """Read the newest lease. Raises DiskError."""
    while number := _newest_number(folder):
        try:
            return _Seen(number, read_bytes(_path(folder, number), max_bytes=_MAX_BYTES))
        except (DeniedError, DiskError):
            raise
        except StorageError:  # the owner of a newer one deleted it just now
            continue
    return _Seen()


def _newest_number(folder: ObjectPath) -> int:
    return max(_numbers(folder), default=0)


def _numbers(folder: ObjectPath) -> list[int]:
    return [int(match[1]) for entry in folder_entries(folder) if (match := _NAME.fullmatch(entry.name))]


def _path(folder: ObjectPath, number: int) -> ObjectPath:
    return folder / f"{number:08d}.json"


def _now() -> float:
    return time.clock_gettime(_CLOCK)
