"""SIGTERM to a worker's process, as machines get it that are taken away: it saves what it can in two seconds, and ends.

Python runs a signal's handler in the main thread, which may hold any lock; so a thread of its own saves. Then Ray's own
handler gets the signal: it leaves the main thread, and tells the driver what ended this worker. Not at any moment: with
a method's result in hand that it cannot store, Ray would take that for a fault of its own, and abort.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Final

from raysat.interrupts import end_now

_SECONDS: Final = 2.0  # spot machines have 30 s or more, ``ray job stop`` allows 3
_RAY_S: Final = 5.0  # for Ray to tell the driver, which takes an end without a word for a fault of the trial's
_AGAIN_S: Final = 0.02  # until the next moment is tried
_CODE: Final = 128 + signal.SIGTERM
_saves: list[Callable[[float], object]] = []
_is_saved, _ends = threading.Event(), threading.Event()


@contextmanager
def sigterm_saves() -> Iterator[None]:
    """Within this, SIGTERM has this process save and end; for a main thread."""
    before = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
    save_at_sigterm()
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def save_at_sigterm() -> None:
    """Have this process save and end at SIGTERM from now on; called in its main thread."""
    signal.signal(signal.SIGTERM, partial(_receive, signal.getsignal(signal.SIGTERM)))


@contextmanager
def saves_at_sigterm(save: Callable[[float], object]) -> Iterator[None]:
    """Within this, SIGTERM calls ``save`` in a thread, with the seconds that are left, before the process ends."""
    _saves.append(save)
    try:
        yield
    finally:
        _saves.remove(save)


@contextmanager
def finishes_at_sigterm() -> Iterator[None]:
    """Within this, SIGTERM waits for the end of this, if briefly, before the process ends."""
    done = threading.Event()
    with saves_at_sigterm(done.wait):
        try:
            yield
        finally:
            done.set()


def _receive(before: object, number: int, frame: FrameType | None) -> None:
    if not _is_saved.is_set():
        threading.Thread(target=_save_and_end, daemon=True).start()
    elif callable(before) and not _ends.is_set() and _may_end(frame):
        _ends.set()
        before(number, frame)


def _may_end(frame: FrameType | None) -> bool:
    """Whether Ray's loop, if the main thread runs that, waits for a task, or is in a method of the actor's."""
    above = None
    while frame is not None and frame.f_code.co_name != "main_loop":
        above, frame = frame, frame.f_back
    return frame is None or above is None or above.f_code.co_name == "actor_method_executor"


def _save_and_end() -> None:
    deadline = time.monotonic() + _SECONDS
    for save in list(_saves):
        save(max(0.0, deadline - time.monotonic()))
    _is_saved.set()
    told = time.monotonic()
    while time.monotonic() < told + _RAY_S:
        if not _ends.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_AGAIN_S)
    end_now("SIGTERM: saved what there was to save", _CODE)
