"""Where commands print: the console of a terminal or a pipe, and a progress bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_WIDTH: Final = 120  # columns of a pipe, which has none: enough for a whole leaderboard
_REDRAW_S: Final = 0.1  # between two states of a bar: a reader reports thousands of times a second


def console(*, stderr: bool = False, piped_width: int = _PIPED_WIDTH) -> Console:
    """Return the console of the terminal; in a pipe, one of ``piped_width`` columns."""
    from raysat.views.screen import Screen

    screen = Screen(stderr=stderr, soft_wrap=True)
    if not screen.is_terminal:
        screen.width = piped_width
    return screen


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Draw a bar on stderr where that is a terminal; yields the function that moves it: (title, done, total)."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from raysat.views.screen import can_redraw

    screen = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, transient=True, disable=not can_redraw(screen)) as bars:
        task = bars.add_task("", total=None)
        shown, drawn_at = "", 0.0

        def move(title: str, done: int, total: int) -> None:
            nonlocal shown, drawn_at
            now = time.monotonic()
            if title != shown or done >= total or now - drawn_at > _REDRAW_S:
                bars.update(task, description=title, completed=done, total=total)
                shown, drawn_at = title, now

        yield move
