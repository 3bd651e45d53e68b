"""Where the process of a command begins: signals are handled from here on, before anything large is imported."""

from __future__ import annotations

from raysat.cli.signals import INTERRUPTED, Signals


def main() -> None:
    """Run the raysat command, and end the process with its exit code."""
    signals = Signals()
    try:
        from raysat.cli.main import run

        code = run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    signals.exit(code)
