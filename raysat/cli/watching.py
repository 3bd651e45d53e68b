"""Shows how a run goes until it is over: in place on a terminal, elsewhere by a line for each change."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from raysat.views.screen import Screen, can_redraw

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from raysat.documents.status import StatusDocument
    from raysat.views.status import Look

_EVERY_S: Final = 2.0  # as often as a run says how far it is


def watch(look: Callable[[], Look], console: Console, every: float = _EVERY_S) -> None:
    """Show a run until it ends: all its trials are done, or what filled it is gone.

    Args:
        look: at it, as it is just now.
        console: where to show it.
        every: seconds between two looks.
    """
    from rich.live import Live

    looks = _until_it_ends(look, every)
    if can_redraw(console):
        with Live(console=console, auto_refresh=False) as page:
            for found in looks:
                page.update(_drawn(found, console), refresh=True)
        return
    told = ""
    for found in looks:
        if found.line != told:
            console.print(f"{time.strftime('%H:%M:%S')}  {found.line}")
        told = found.line
    found.show(console)


def watch_documents(look: Callable[[], Look], write: Callable[[StatusDocument], None], every: float = _EVERY_S) -> None:
    """Write the document of a run until it ends: at once, and each time that anything but the clock has changed.

    Args:
        look: at it, as it is just now.
        write: called with each document.
        every: seconds between two looks.
    """
    told: object = None
    for found in _until_it_ends(look, every):
        document = found.document()
        if (news := document.model_dump(exclude={"process": {"seen", "seconds_left"}})) != told:
            write(document)
        told = news


def _until_it_ends(look: Callable[[], Look], every: float) -> Iterator[Look]:
    was_alive = False
    while True:
        found = look()
        yield found
        if found.is_complete or (was_alive and not found.is_alive):
            return
        was_alive = found.is_alive
        time.sleep(every)


def _drawn(found: Look, console: Console) -> Text:
    """What would be printed, to be drawn in one piece."""
    from rich.text import Text

    page = Screen(file=io.StringIO(), width=console.width, force_terminal=True, soft_wrap=True)
    with page.capture() as captured:
        found.show(page)
    return Text.from_ansi(captured.get(), no_wrap=False, overflow="fold")
