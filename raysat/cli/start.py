"""Where the process of a command begins: signals are handled from here on, before anything large is imported."""

from __future__ import annotations

import gc
import time
from typing import Final

from raysat.cli.signals import INTERRUPTED, Signals
from raysat.training.late_compiler import put_off_compiler

BEGAN: Final = time.monotonic()  # when the command did, but for Python's own start
# Objects made before the collector looks for cycles. Python's 700 cost a fifth of the time of a command that reads
# 10,000 trials, nearly all of which it keeps until its end; 50,000 leave 100 MB of garbage in a report of them.
_COLLECT_AFTER: Final = 10_000


def main() -> None:
    """Run the raysat command, and end the process with its exit code."""
    signals = Signals()
    gc.set_threshold(_COLLECT_AFTER)
    put_off_compiler()
    try:
        from raysat.cli.main import run

        code = run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    signals.exit(code)
