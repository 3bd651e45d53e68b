"""The console that views print on: no text of a file can control the terminal, or stop what cannot write it."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.control import Control
from rich.segment import Segment
from typing_extensions import override

from raysat.formatting import visible

_NARROWEST: Final = 40  # columns that a page is laid out for: a narrower terminal breaks its lines, and loses nothing
# Signs that have a likeness of the same width in ASCII.
_LIKENESS: Final = str.maketrans("–—−…→×·•─━│█’‘“”²", "---~>x.*--|#''\"\"2")


class Screen(Console):
    r"""A console that takes text as it is, but for what a terminal would obey: that is written out, as ``\x1b``.

    Where the output is not UTF-8, what it cannot write is shown by a likeness of the same width, or by ``?``.
    """

    def __init__(self, *, log: Callable[[str], None] | None = None, redraws: bool = True, **options: Any) -> None:
        """Make one.

        Args:
            log: takes what is printed as plain text too, even where the console is quiet.
            redraws: whether what is shown may be replaced, where that can be.
            options: of rich's console.
        """
        super().__init__(highlight=False, markup=False, emoji=False, **options)
        self.width = max(self.width, _NARROWEST)
        self.redraws, self._log = redraws, log

    @override
    def print(self, *objects: Any, **how: Any) -> None:
        """Print, and log it."""
        super().print(*objects, **how)
        if self._log is not None and not all(isinstance(each, Control) for each in objects):
            page = Screen(file=io.StringIO(), width=self.width, color_system=None, soft_wrap=self.soft_wrap)
            with page.capture() as captured:
                page.print(*objects, **how)
            self._log(captured.get())

    @override
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield what is printed, every text in it made safe: rich renders each part of a page by this method."""
        for segment in super().render(renderable, options):
            if segment.control or (segment.text.isascii() and segment.text.isprintable()) or segment.text == "\n":
                yield segment
            else:
                yield Segment(self._safe(segment.text), segment.style)

    def _safe(self, text: str) -> str:
        lines = "\n".join(map(visible, text.split("\n")))
        encoding = self.encoding
        if encoding.startswith("utf"):
            return lines
        return "".join(_written(char, encoding) for char in lines)


def can_redraw(console: Console) -> bool:
    """Whether what is shown can be replaced: on a terminal that knows how to, and is wide enough for whole lines."""
    may = not isinstance(console, Screen) or console.redraws
    return may and console.is_terminal and not console.is_dumb_terminal and console.width > _NARROWEST


def _written(char: str, encoding: str) -> str:
    """A character as an encoding can write it."""
    for likeness in (char, char.translate(_LIKENESS), unicodedata.normalize("NFKD", char)[:1]):
        try:
            likeness.encode(encoding)
        except UnicodeEncodeError:
            continue
        return likeness
    return "?"
