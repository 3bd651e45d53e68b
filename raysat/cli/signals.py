"""What SIGINT, SIGTERM and SIGHUP do to a command: it ends within ten seconds, or two (SIGTERM), in order where it can.

Python runs the handler of a signal in the main thread, between two steps of Python code; C++ code of Ray may hold that
up for a minute. A thread that is told by the system at once ends the process where the main thread does not.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

from raysat.cli.settings import current
from raysat.interrupts import end_now, interrupt, is_stuck

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

INTERRUPTED: Final = 130  # exit code, the shell's for Ctrl-C
_STOPPED: Final = "stopped; the same command starts anew"
_RESUMABLE: Final = "stopped; the same command resumes from here"
_RESUMED: Final = ("ablate", "evaluate", "generate", "tune")
_CODES: Final = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: 143, signal.SIGHUP: INTERRUPTED}
_PATIENCE_S: Final = 6.0  # for an end in order; one in a hurry takes a second more
_HURRY_S: Final = 0.8  # the same after SIGTERM: `ray job stop` kills after three seconds
_TOGETHER_S: Final = 0.5  # signals that come together are one: `timeout` and a closed terminal send theirs twice


class Signals:
    """The signals to this process from now on; those that it was started to ignore (``nohup``) stay ignored."""

    def __init__(self) -> None:
        self._code: int | None = None  # to exit with, once there was a signal
        self._first = 0.0  # when it came
        self._patience = _PATIENCE_S
        self._is_told = False  # the main thread
        self._result: int | None = None  # of a command that has ended, while Python ends
        os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Tune would take Ctrl-C for itself
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reading,), daemon=True).start()
        for number in _CODES:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._handle)
        sys.unraisablehook = self._unraisable

    def exit(self, code: int) -> NoReturn:
        """End the process with the exit code of its command, or as one that was stopped."""
        if code == INTERRUPTED and self._code is None:
            self._code = code
        if self._code is not None or is_stuck():
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):  # a closed pipe or terminal
                    stream.flush()
            if self._code is None:
                os._exit(code)
            self._end()
        self._result = code
        sys.exit(code)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  (as Python calls it)
        """Interrupt the main thread, once: what it does from then on is to end."""
        if self._result is not None:
            os._exit(self._result)
        self._note(number)
        if not self._is_told:
            self._is_told = True
            interrupt()

    def _watch(self, signals: int) -> None:
        """End the process where the main thread takes too long, or when it is told again."""
        while True:
            left = None if self._code is None else max(0.0, self._first + self._patience - time.monotonic())
            if not select.select([signals], [], [], left)[0]:
                self._end()
            for number in os.read(signals, 64):
                if number in _CODES and not self._note(number):
                    self._end()

    def _note(self, number: int) -> bool:
        """Take down a signal; whether it counts as the first."""
        if self._code is None:
            self._first, self._code = time.monotonic(), _CODES[signal.Signals(number)]
            self._patience = _HURRY_S if number == signal.SIGTERM else _PATIENCE_S
        return time.monotonic() - self._first < _TOGETHER_S

    def _unraisable(self, unraisable: UnraisableHookArgs) -> None:
        """Python drops what is raised in a destructor or a callback of C: an interrupt must not be lost there."""
        if self._code is not None and isinstance(unraisable.exc_value, KeyboardInterrupt):
            self._end()
        sys.__unraisablehook__(unraisable)

    def _end(self) -> NoReturn:
        end_now(_RESUMABLE if current.command in _RESUMED else _STOPPED, self._code or INTERRUPTED)
