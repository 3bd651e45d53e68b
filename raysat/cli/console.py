"""Where commands print: the console of a terminal or a pipe, and how far a step is that takes a while."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

from raysat.cli.settings import current

if TYPE_CHECKING:
    from rich.console import Console

    from raysat.execution.events import OnEvent

_PIPED_WIDTH: Final = 120  # columns of a pipe, which has none: enough for a whole leaderboard
_ALL_EVENTS_S: Final = -1.0  # between two lines of a log on trials that train: none is left out


def console(*, stderr: bool = False, piped_width: int = _PIPED_WIDTH) -> Console:
    """Return the console of the terminal, for what was asked for; in a pipe, one of ``piped_width`` columns."""
    return _screen(stderr=stderr, piped_width=piped_width)


def aside(*, piped_width: int = _PIPED_WIDTH) -> Console:
    """Return the console for what a command says beside what was asked for: ``--quiet`` leaves that out."""
    return _screen(piped_width=piped_width, quiet=current.quiet)


def _screen(*, stderr: bool = False, piped_width: int = _PIPED_WIDTH, logs: bool = True, **options: Any) -> Console:
    from raysat.views.screen import Screen

    stream = _stream(stderr=stderr)
    if current.color != "auto":
        options |= {"no_color": current.color == "never"}
    if current.color == "always":
        options |= {"force_terminal": True}
    is_terminal = stream is not None and stream.isatty()
    log = current.log.write if current.log is not None and logs else None
    options |= {"file": stream} if current.log is not None else {"stderr": stderr or current.json}
    screen = Screen(soft_wrap=True, log=log, redraws=current.progress and is_terminal, **options)
    if not is_terminal:
        screen.width = piped_width
    return screen


def _stream(*, stderr: bool) -> IO[str] | None:
    """The stream itself: what is printed on a console, the console logs."""
    out, err = (sys.stdout, sys.stderr) if current.log is None else current.log.streams
    return err if stderr or current.json else out


def follow(*others: OnEvent) -> OnEvent:
    """Return what shows the events of a run in the terminal, writes all of them to the log, and tells the others."""
    from raysat.execution.events import to_all
    from raysat.views.run import RunView

    views: list[OnEvent] = [RunView(_screen(quiet=current.quiet, logs=False))]
    if current.log is not None:
        from raysat.views.screen import Screen

        log = Screen(file=io.StringIO(), quiet=True, width=_PIPED_WIDTH, soft_wrap=True, log=current.log.write)
        views.append(RunView(log, every_s=_ALL_EVENTS_S))
    return to_all(*views, *others)


@contextmanager
def progress_bar(*, bytes_of: tuple[str, ...] = ()) -> Iterator[Callable[[str, int, int], None]]:
    """Say on stderr how far a step is: a bar on a terminal, elsewhere a line now and then.

    Args:
        bytes_of: first words of the titles of which bytes are counted.

    Yields:
        The function that moves it: (title, done, total).
    """
    from raysat.cli.meter import Meter

    with Meter(_screen(stderr=True, quiet=current.quiet), bytes_of=bytes_of, silent=_is_silent()) as meter:
        yield meter.move


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say on stderr, on a terminal, what a step does that has no parts to count, and since when; not of a short one."""
    from raysat.cli.meter import Clock

    with Clock(what, lambda: _screen(stderr=True), silent=_is_silent() or not _redraws()):
        yield


def _is_silent() -> bool:
    return current.quiet or not current.progress


def _redraws() -> bool:
    stream = _stream(stderr=True)
    return stream is not None and stream.isatty()
