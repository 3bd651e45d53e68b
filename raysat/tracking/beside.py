"""Tracks a run in a process of its own, so that no tracker can stop, slow or outlive what trains."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from pydantic import ValidationError

from raysat.interrupts import removed_at_end
from raysat.tracking.models import Request, Sent
from raysat.tracking.process import END

DEADLINE_S: Final = 20.0  # for what is left when the run is over
_STALLED_S: Final = 300.0  # without a change: a server that takes no more
_CRASHED: Final = "its process was killed"


class Beside:
    """A process that tracks a run."""

    def __init__(self, request: Request, path: str, told: Callable[[Sent], None] = lambda _: None) -> None:
        """Start it.

        Args:
            request: what it is to do.
            path: its PYTHONPATH.
            told: is called with each change, from a thread.
        """
        self._sent, self._changed, self._told = Sent(kind=request.kind), time.monotonic(), told
        self._process = subprocess.Popen(  # noqa: S603  (this Python, and a module of raysat)
            [sys.executable, "-P", "-m", "raysat.tracking.process", request.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # a terminal's signals are for the command, which ends this one
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def sent(self) -> Sent:
        """How far it is, or was when it ended."""
        return self._sent

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def say_end(self) -> None:
        """Tell it that the run is over; it sends what is left."""
        stdin = self._process.stdin
        with suppress(OSError):  # it has ended
            if stdin is not None:
                stdin.write(END)
                stdin.flush()

    def ended(self, deadline: float) -> Sent:
        """Wait so many seconds for its end, then end it."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(deadline)
        return self._end("it was stopped before the rest")

    def wait(self) -> Sent:
        """Wait until it has ended by itself, as long as something is sent now and then."""
        fault = ""
        while self._process.poll() is None and not fault:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            if time.monotonic() - self._changed > _STALLED_S:
                fault = f"nothing was sent for {_STALLED_S:g} s"
        return self._end(fault)

    def kill(self) -> None:
        """End it at once, and what it started; harmless where it has ended."""
        with suppress(OSError):
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(5.0)
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _end(self, fault: str) -> Sent:
        is_killed = self._process.poll() is None
        self.kill()
        self._listener.join(5.0)
        if not self._sent.ended and self._sent.error is None:
            self._sent = self._sent.model_copy(update={"error": fault if is_killed else _CRASHED})
        return self._sent

    def _listen(self) -> None:
        stdout = self._process.stdout
        for line in stdout or ():
            with suppress(ValidationError):
                self._sent = Sent.model_validate_json(line)
                self._changed = time.monotonic()
                self._told(self._sent)


@contextmanager
def tracked_beside(request: Request, path: str, told: Callable[[Sent], None] = lambda _: None) -> Iterator[Beside]:
    """Start a process that tracks a run, and see to it that it ends with this.

    Args:
        request: what it is to do.
        path: its PYTHONPATH.
        told: is called with each change, from a thread.

    Yields:
        The process.
    """
    beside = Beside(request, path, told)
    with removed_at_end(beside.kill):
        try:
            yield beside
        finally:
            beside.kill()
