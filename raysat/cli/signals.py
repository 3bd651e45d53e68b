"""What signals do to a command that trains."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminable() -> Iterator[None]:
    """Treat SIGTERM, as of a spot machine that is taken away, like Ctrl-C: the run ends in order, to be resumed.

    Each epoch's checkpoint is on disk by then.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
