"""Shows a run in a notebook: one table that is renewed in place."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

from raysat.execution.events import Ended, Event, OnEvent, Progress, Started, ignore
from raysat.views.run import run_table
from raysat.views.shown import to_html

_REDRAW_S: Final = 0.5  # between two states of the table


class NotebookView:
    """Shows the events of a run below a notebook's cell: give it as ``on_event``."""

    def __init__(self) -> None:
        self._run: Started | None = None
        self._display: Any = None  # IPython's handle of what is shown
        self._drawn = 0.0

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Started():
                self._run = event
                self._draw()
            case Progress():
                if time.monotonic() - self._drawn > _REDRAW_S:
                    self._draw()
            case Ended():
                self._draw()
            case _:
                pass

    def _draw(self) -> None:
        if self._run is None:
            return
        self._drawn, table = time.monotonic(), run_table(self._run)
        ipython = sys.modules["IPython"].display  # loaded: this is a notebook
        page = ipython.HTML(to_html(lambda console: console.print(table)))
        if self._display is None:
            self._display = ipython.display(page, display_id=True)
        else:
            self._display.update(page)


def default_view() -> OnEvent:
    """A live table in a notebook, and nothing elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return NotebookView() if shell is not None and "IPKernelApp" in shell.config else ignore
