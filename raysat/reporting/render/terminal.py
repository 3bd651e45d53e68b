"""Blocks of a page on a terminal: of a table the columns that its width holds, and no more rows than a page has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table as RichTable
from rich.text import Text as RichText

from raysat.formatting import plural
from raysat.reporting.format.cells import PARETO
from raysat.reporting.format.document import Block, Bullets, Code, Fold, Subtitle, Text
from raysat.reporting.format.table import Cell, Emphasis, Heading, Table

_GAP: Final = 2  # blanks between columns
_MOST_ROWS: Final = 50  # of a table
_NARROWEST: Final = 8  # characters for names, whatever else there is
_STYLES: Final = {Emphasis.PLAIN: "", Emphasis.STRONG: "bold", Emphasis.MUTED: "dim"}
_ASCII: Final = str.maketrans(
    {"±": "+-", "√": "root ", "–": "-", "−": "-", "…": "~", "→": ">", "×": "x", PARETO: "*", "²": "^2"}
)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks that fit the console they are printed on; plain ASCII where that is all the console can write."""

    blocks: Sequence[Block]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the blocks with an empty line between, but for texts that follow each other."""
        before: Block | None = None
        for block in self.blocks:
            lines = list(_lines(block, options))
            if lines and before is not None and not (isinstance(before, Text) and isinstance(block, Text)):
                yield ""
            yield from lines
            before = block if lines else before


def _lines(block: Block, options: ConsoleOptions) -> Iterator[RenderableType]:
    ascii_only = options.ascii_only
    match block:
        case Table():
            if block.rows:
                yield from _table(replace(block, rows=block.rows[:_MOST_ROWS]), options)
                if more := len(block.rows[_MOST_ROWS:]):
                    yield _text(f"... {plural(more, 'more row')}: the files have all", "dim", ascii_only=ascii_only)
                if block.caption:
                    yield _text(block.caption, "dim", ascii_only=ascii_only)
        case Text(content, hint):
            yield _text(content, "dim" if hint else "", ascii_only=ascii_only)
        case Subtitle(content):
            yield _text(content, "bold", ascii_only=ascii_only)
        case Bullets(items):
            yield from (_text(item, "dim", ascii_only=ascii_only) for item in items)
        case Code(content):
            yield _text(content, ascii_only=ascii_only)
        case Fold(title, blocks):
            yield _text(title, "bold", ascii_only=ascii_only)
            yield Blocks(blocks)


def _table(table: Table, options: ConsoleOptions) -> Iterator[RenderableType]:
    ascii_only = options.ascii_only
    rich = RichTable(
        box=None if ascii_only else box.SIMPLE_HEAD,  # its dividers are one blank wide
        padding=(0, _GAP if ascii_only else _GAP - 1, 0, 0),
        show_edge=False,
        pad_edge=False,
        header_style="",
    )
    groups = groupby(enumerate(table.headings), key=lambda item: item[1].group or item[0])
    columns = _fitting([_column(list(group), table, ascii_only=ascii_only) for _, group in groups], options.max_width)
    for column in columns:
        rich.add_column(
            column.title,
            justify="left" if column.heading.words else "right",
            no_wrap=not column.heading.words,
            overflow="fold",
            min_width=min(_NARROWEST, column.width) if column.heading.words else None,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        rich.add_row(*row)
    yield rich
    yield from (_text(column.legend, "dim", ascii_only=ascii_only) for column in columns if column.legend)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column as it is shown: one of the table's, or all of a group."""

    heading: Heading  # of the first
    title: RichText
    cells: Sequence[RichText]
    legend: str  # what a group's parts are

    @property
    def width(self) -> int:
        return max(text.cell_len for text in (self.title, *self.cells))


def _column(members: Sequence[tuple[int, Heading]], table: Table, *, ascii_only: bool) -> _Column:
    _, first = members[0]

    def shown(cell: Cell) -> RichText:
        text = _text(cell.short if first.group else cell.text, _STYLES[cell.emphasis], ascii_only=ascii_only)
        if cell.below and first.inline and not first.group:
            text = RichText.assemble(text, " ", _text(cell.below, "dim", ascii_only=ascii_only))
        return text

    return _Column(
        heading=first,
        title=_text(first.group or first.short or first.label, ascii_only=ascii_only),
        cells=[RichText(" ").join([shown(row[k]) for k, _ in members]) for row in table.lines],
        legend=f"{first.group}: {', '.join(heading.text for _, heading in members)}" if first.group else "",
    )


def _fitting(columns: Sequence[_Column], width: int) -> list[_Column]:
    """Leave out columns, those first that need most room, until names have enough."""
    kept = list(columns)
    needed = sum(column.width for column in columns if column.heading.words)
    for column in sorted(columns, key=lambda column: -column.heading.room):
        room = (
            width + _GAP - sum(_GAP + (0 if other.heading.words else other.width) for other in kept)
        )  # what is left for words
        if column.heading.room and room < min(needed, column.heading.room):
            kept.remove(column)
    return kept


def _text(text: str, style: str = "", *, ascii_only: bool) -> RichText:
    """A text as a terminal can write it: its signs in ASCII where that is all there is."""
    plain = text.translate(_ASCII).encode("ascii", "replace").decode() if ascii_only else text
    return RichText(plain, style=style)
