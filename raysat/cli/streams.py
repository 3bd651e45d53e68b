"""Output that cannot be written: a full disk, a reader that has left, a terminal that is gone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Final

import click

from raysat.errors import DiskError, RaysatError, with_options

_READER_LEFT: Final = 141  # exit code of what SIGPIPE ends, as in `... | head -1`: no error of the command


def show(error: RaysatError) -> int:
    """Print an error and what to do about it; return its exit code."""
    with as_far_as_stderr_goes():
        click.echo(f"error: {with_options(error.template)}", err=True)
        if error.hint_template:
            click.echo(f"hint: {with_options(error.hint_template)}", err=True)
    return error.exit_code


@contextmanager
def as_far_as_stderr_goes() -> Iterator[None]:
    """Write to stderr; where that fails, the exit code alone tells of the error."""
    try:
        yield
    except OSError:
        _give_up(sys.stderr)


def stdout_fault(error: BaseException | None) -> int | None:
    """Say that stdout cannot be written, if that is so: returns the exit code that the command ends with, then.

    Args:
        error: what the command was left by, if anything.
    """
    if isinstance(error, SystemExit) and (isinstance(error.__context__, BrokenPipeError) or _is_pacified(sys.stdout)):
        _give_up(sys.stdout)
        return _READER_LEFT
    of_a_stream = isinstance(error, OSError) and error.filename is None
    try:
        if sys.stdout is not None:
            sys.stdout.write("\n" if of_a_stream else "")  # without a buffer: was it this one?
            sys.stdout.flush()
    except BrokenPipeError:
        _give_up(sys.stdout)
        return _READER_LEFT
    except OSError as caught:
        _give_up(sys.stdout)
        reason = caught.strerror or str(caught)
        hint = "free some space, or send the output elsewhere"
        return show(DiskError(f"stdout cannot be written: {reason}", hint=hint))
    return None


def _is_pacified(stream: object) -> bool:
    """Whether click has put another in place of a stream whose reader has left, as it does from 8.5 on before it ends.

    Until then, as rich does, it raised its end while it handled the error.
    """
    return hasattr(stream, "wrapped")


def _give_up(stream: IO[str]) -> None:
    """Send what is left of a stream nowhere, or Python would fail with it when it ends."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
