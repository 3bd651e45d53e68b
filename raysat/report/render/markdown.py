"""Markdown as code hosts read it: escaped texts, and tables that also read well as plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from raysat.report.format.cells import Cell, Heading, Table

_PADDED: Final = 48  # a longer cell does not widen its column of the raw text
_BLOCK: Final = re.compile(r"^(\d*)([#+.)-])(?=\s|$|#)")  # what would begin a heading or a list
_SPECIAL: Final = re.compile(r"([\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_]))")


def table(content: Sequence[Sequence[str]], *, left: Sequence[str] = ("arm",)) -> str:
    """Lay out columns, heading first; those with a heading in ``left`` align left."""
    laid_out = []
    for column in content:
        to_left = column[0] in left
        width = max([3, *(cell_len(cell) for cell in column if cell_len(cell) <= _PADDED)])
        rule = ":" + "-" * (width - 1) if to_left else "-" * (width - 1) + ":"
        padding = [" " * (width - cell_len(cell)) for cell in column]
        cells = [cell + pad if to_left else pad + cell for cell, pad in zip(column, padding, strict=True)]
        laid_out.append([cells[0], rule, *cells[1:]])
    return "\n".join(f"| {' | '.join(row)} |" for row in zip(*laid_out, strict=True))


def from_table(made: Table) -> str:
    """Lay out a table of a report; what stands below in a cell follows in it."""

    def cell(each: Cell) -> str:
        text = f"**{escape(each.text)}**" if each.look == "strong" else escape(each.text)
        return f"{text} {escape(each.below)}" if each.below else text

    def heading(each: Heading) -> str:
        return escape(f"{each.text} ({each.below})" if each.below else each.text)

    heads = [heading(each) for each in made.headings]
    content = [[head, *(cell(row[k]) for row in made.rows)] for k, head in enumerate(heads)]
    return table(content, left=[head for head, each in zip(heads, made.headings, strict=True) if each.words])


def escape(text: str) -> str:
    """Escape a text for Markdown, at the start of a line or in a table too, and put it on one line; HTML stays text."""
    flat = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return _BLOCK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", html.escape(flat, quote=False)))
