"""The one form of a report's tables: typed cells and headings, which each format's renderer writes in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias


class Emphasis(Enum):
    """What a cell is to a reader."""

    PLAIN = "plain"
    STRONG = "strong"  # the best of a column, or a difference whose interval excludes zero
    MUTED = "muted"  # shown, but not to be judged by


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in a cell, what it is sorted by, and how it is emphasised."""

    text: str
    value: float | None = None  # None is sorted last, whichever way
    below: str = ""  # second line, such as an interval; formats of one line show it beside
    emphasis: Emphasis = Emphasis.PLAIN
    short: str = ""  # the text where its group shares one column
    hint: str = ""  # what a page shows on hovering; never all that says it
    note: str = ""  # a footnote to it, in formats that have these


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The head of a column."""

    text: str
    below: str = ""
    words: bool = False  # flush left and sorted as text; else numbers
    key: str = ""  # what it is of, such as ``icv``; one for all of a group
    short: str = ""  # the text where width is scarce
    group: str = ""  # neighbours that a terminal packs into one column, called this
    room: int = 0  # priority: left out where rows' names would get fewer characters, the largest first; 0 always stays
    inline: bool = True  # whether cells show what is below beside them where width is scarce
    note: str = ""  # a footnote to it, in formats that have these

    @property
    def label(self) -> str:
        """Both lines as one: ``to the best (ICV)``."""
        return f"{self.text} ({self.below})" if self.below else self.text


Column: TypeAlias = tuple[Heading, Sequence[Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; the cell ``row_heading`` of each row names it."""

    name: str
    caption: str
    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()
    row_heading: int = 0

    @property
    def lines(self) -> Sequence[Sequence[Cell]]:
        """Rows and total."""
        return [*self.rows, self.total] if self.total else self.rows

    def pick(self, *keys: str) -> Table:
        """The columns with these keys alone, in the order of the keys."""
        kept = [k for key in keys for k, heading in enumerate(self.headings) if heading.key == key]
        return replace(
            self,
            headings=[self.headings[k] for k in kept],
            rows=[[row[k] for k in kept] for row in self.rows],
            total=[self.total[k] for k in kept] if self.total else (),
        )


def make_table(
    name: str, caption: str, columns: Sequence[Column], *, total: Sequence[Cell] = (), row_heading: int = 0
) -> Table:
    """Return a table of these columns.

    Args:
        name: of the table, for programs.
        caption: what it shows, on how many seeds and patches.
        columns: a heading each, and its cells from top to bottom.
        total: cells of a last row.
        row_heading: the column that names the rows.
    """
    return Table(
        name=name,
        caption=caption,
        headings=[heading for heading, _ in columns],
        rows=list(zip(*(cells for _, cells in columns), strict=True)),
        total=total,
        row_heading=row_heading,
    )
