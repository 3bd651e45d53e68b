"""Keep what the C++ core of Ray says of lost objects out of a driver's stderr: it is in the core's log, too."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def quiet_core() -> Iterator[None]:
    """Have a core that starts within this block write its errors to its log alone.

    It writes them to C's ``stderr`` besides, for which Ray has no switch, and notes at its start what that is. Python
    has a stream of its own. Where C's library has no such variable, nothing changes.
    """
    try:
        stream = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")
    except (OSError, ValueError):
        yield
        return
    before = stream.value
    stream.value = _nowhere() or before
    try:
        yield
    finally:
        stream.value = before


@cache
def _nowhere() -> int | None:
    """A stream of C that is never closed: cores use it until the process ends."""
    fopen = ctypes.CDLL(None).fopen
    fopen.restype = ctypes.c_void_p
    return fopen(b"/dev/null", b"a")  # type: ignore[no-any-return]
