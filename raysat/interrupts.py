"""Stops from outside: what ends in order on a signal, and what must not outlive the process even if it ends in a hurry.

The command line decides what a signal means (``cli/signals.py``). Code that is stopped in order, between two steps of
its work, says so with ``stops_in_order``; any other is left by KeyboardInterrupt. Where that takes too long, nothing is
left any more but to run what ``removed_at_end`` was given, and to end the process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock
from typing import Final, NoReturn

_SHOW_CURSOR: Final = b"\x1b[?25h\n"  # below what a live table or a bar has drawn
_stopping = Event()
_ending = Lock()
_stuck = Event()
_receivers: list[Callable[[], None]] = []  # the innermost last
_remains: list[Callable[[], None]] = []


@contextmanager
def stops_in_order(stop: Callable[[], None]) -> Iterator[None]:
    """Within this, ``interrupt`` calls ``stop``, which only notes that the work is to end soon."""
    _receivers.append(stop)
    try:
        yield
    finally:
        _receivers.remove(stop)


def interrupt() -> None:
    """Stop what the main thread does; called there. Raises KeyboardInterrupt where nothing stops in order."""
    _stopping.set()
    if not stop_in_order():
        raise KeyboardInterrupt


def stop_in_order() -> bool:
    """Stop what stops in order, from any thread; whether there is such a thing."""
    for stop in _receivers[-1:]:
        stop()
        return True
    return False


def is_stopping() -> bool:
    """Whether there was an interrupt: what is raised from then on may be its consequence."""
    return _stopping.is_set()


def expect_stuck() -> None:
    """Note that what this process is connected to is lost: what waits for that would hold up its end for a minute."""
    _stuck.set()


def is_stuck() -> bool:
    """Whether a command that is done should leave by ``os._exit``."""
    return _stuck.is_set()


@contextmanager
def removed_at_end(remove: Callable[[], None]) -> Iterator[None]:
    """Call ``remove`` at the end of this, or where the process ends in a hurry meanwhile; it may be called twice."""
    _remains.append(remove)
    if _ending.locked():
        Event().wait()  # nothing new is made while the process ends
    try:
        yield
    finally:
        try:
            remove()
        finally:
            _remains.remove(remove)


def end_now(message: str, code: int) -> NoReturn:
    """Say why and end the process; from any thread, whatever the others do and hold."""
    _ending.acquire()  # never released: there is one end
    with suppress(OSError):
        os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + f"{message}\n".encode())
    with suppress(OSError):  # Ray's C++ threads would complain of the processes that end
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
    for remove in 2 * _remains[::-1]:  # twice, for what was being made meanwhile
        with suppress(Exception):
            remove()
    os._exit(code)
