"""Turns what a view prints into a text, or into HTML for a notebook."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console

from raysat.errors import RaysatError
from raysat.views.screen import Screen

_WIDTH = 100  # columns: what a notebook shows without breaking lines
_STYLE = "font-family:Menlo,Consolas,'DejaVu Sans Mono',monospace;line-height:1.3;overflow-x:auto"
_HTML = f'<pre style="{_STYLE}">{{code}}</pre>'


class Shown:
    """Base of what can show itself: ``print`` gives a text, a notebook HTML."""

    __slots__ = ()

    def show(self, console: Console) -> None:
        """Print it on a console."""
        raise NotImplementedError

    def __str__(self) -> str:
        return to_text(self._show)

    def _repr_html_(self) -> str:
        return to_html(self._show)

    def _show(self, console: Console) -> None:
        """Print it, or why it cannot be read: it may be gone or damaged, and to look at it must not raise."""
        try:
            self.show(console)
        except (RaysatError, OSError) as error:
            console.print(f"{self!r}: {error}")


def to_text(show: Callable[[Console], None]) -> str:
    """What a view prints, without colours; no empty lines at its ends."""
    console = _console(record=False)
    with console.capture() as capture:
        show(console)
    return "\n".join(line.rstrip() for line in capture.get().strip("\n").splitlines())


def to_html(show: Callable[[Console], None]) -> str:
    """What a view prints as preformatted HTML, every text escaped."""
    console = _console(record=True)
    show(console)
    return console.export_html(inline_styles=True, code_format=_HTML)


def _console(*, record: bool) -> Console:
    """A console that keeps what is printed; in a notebook rich would show it there too."""
    return Screen(file=io.StringIO(), width=_WIDTH, color_system=None, force_jupyter=False, record=record)
