"""What a figure is drawn for: a screen, or a paper's column, one or both of two.

Journals with two columns have them 84 to 90 mm wide (Springer 84, IEEE 88.9, Nature 89, Elsevier 90) and a page of 174
to 190 mm (Springer 174, IEEE 181, Nature 183, Elsevier 190). A figure of 88 or 180 mm stands in all of them as it is,
or a twentieth smaller.

Every figure is drawn with letters of 9.5 points on a drawing that is wide enough for what it shows, and a paper's is
then scaled as a whole: its letters, lines and gaps keep their proportions. A drawing for one column is narrower than
for a screen, so that letters come out at 7.5 points there (those of numbers in cells at 7), and 8 across the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

POINTS: Final = 9.5  # of most letters in a drawing
MM_PER_INCH: Final = 25.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A width to draw for."""

    name: str
    width: float  # inches of the drawing
    rows: int  # of arms or effects that fill its height
    millimetres: float | None = None  # of the paper; None for a screen

    @property
    def narrow(self) -> bool:
        """Whether two panels do not fit side by side."""
        return self.width < SCREEN.width

    @property
    def scale(self) -> float:
        """By which a drawing is scaled for the paper."""
        return 1.0 if self.millimetres is None else self.millimetres / MM_PER_INCH / self.width


def _column(name: str, millimetres: float, *, points: float, rows: int) -> Page:
    """A paper's page on which most letters have so many points."""
    return Page(name=name, millimetres=millimetres, width=millimetres / MM_PER_INCH * POINTS / points, rows=rows)


SCREEN: Final = Page(name="screen", width=7.5, rows=40)
SINGLE: Final = _column("single", 88.0, points=7.5, rows=20)
DOUBLE: Final = _column("double", 180.0, points=8.0, rows=18)
PAPER: Final = (SINGLE, DOUBLE)

_page: Final = ContextVar("page", default=SCREEN)


def page() -> Page:
    """What is drawn for now."""
    return _page.get()


@contextmanager
def drawing_for(target: Page) -> Iterator[None]:
    """Draw what follows for a page, as ``rc_context`` does for a style."""
    token = _page.set(target)
    try:
        yield
    finally:
        _page.reset(token)
