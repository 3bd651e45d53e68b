"""A page as Markdown that code hosts read: escaped texts, and tables that also read well as plain text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.cells import cell_len

from raysat.formatting import printable
from raysat.reporting.format.document import Block, Bullets, Code, Document, Figure, Fold, Picture, Subtitle, Text
from raysat.reporting.format.table import Cell, Emphasis, Table

_PADDED: Final = 48  # a longer cell does not widen its column of the raw text
_BLOCK: Final = re.compile(r"^(\d*)([#+.)-])(?=\s|$|#)")  # what would begin a heading or a list
_SPECIAL: Final = re.compile(r"([\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_]))")


def to_markdown(document: Document, figures: Mapping[str, tuple[str, str]] = {}) -> str:
    """Write a page as GitHub-flavoured Markdown, with every name escaped.

    ``figures`` holds what each drawn figure shows and its caption, by name; ``figures/<name>.svg`` lies beside.
    """
    document = document.with_figures(figures)
    parts = [f"# {escape(document.title)}", escape(document.subtitle), _bullets(document.headline)]
    for section in document.sections:
        parts.append(f"## {escape(section.title)}" if section.title else "")
        for block in section.blocks:
            parts += _parts(block, figures)
    parts.append(f"_{escape(document.footer)}_")
    return "\n\n".join(part for part in parts if part) + "\n"


def _parts(block: Block, figures: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    match block:
        case Text(text):
            yield escape(text)
        case Subtitle(text):
            yield f"### {escape(text)}"
        case Bullets(items):
            yield _bullets(items)
        case Table():
            yield escape(block.caption)
            yield table(block)
        case Figure(name):
            alt, caption = figures[name]
            yield _image(f"figures/{name}.svg", alt, caption)
        case Picture():
            yield _image(f"figures/{block.name}.png", block.alt, block.caption)
        case Code(text, language):  # fenced by more backticks than it has in a row
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            yield f"{fence}{language}\n{text.rstrip()}\n{fence}"
        case Fold(title, blocks):
            yield f"**{escape(title)}**"
            for folded in blocks:
                yield from _parts(folded, figures)


def _bullets(items: Sequence[str]) -> str:
    return "\n".join(f"- {escape(item)}" for item in items)


def _image(path: str, alt: str, caption: str) -> str:
    return f"![{escape(alt)}]({path})\n\n_{escape(caption)}_"


def table(content: Table) -> str:
    """Lay out a table; the second line of a cell or heading follows in it."""
    laid_out = []
    for k, heading in enumerate(content.headings):
        column = [escape(heading.label), *(_cell(row[k]) for row in content.lines)]
        width = max([3, *(cell_len(cell) for cell in column if cell_len(cell) <= _PADDED)])
        rule = ":" + "-" * (width - 1) if heading.words else "-" * (width - 1) + ":"
        padding = [" " * (width - cell_len(cell)) for cell in column]
        cells = [cell + pad if heading.words else pad + cell for cell, pad in zip(column, padding, strict=True)]
        laid_out.append([cells[0], rule, *cells[1:]])
    return "\n".join(f"| {' | '.join(row)} |" for row in zip(*laid_out, strict=True))


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    if cell.emphasis is Emphasis.STRONG:
        text = f"**{text}**"
    return f"{text} {escape(cell.below)}".rstrip()


def escape(text: str) -> str:
    """Escape a text for Markdown, at the start of a line or in a table too, and put it on one line; HTML stays text."""
    return _BLOCK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", html.escape(printable(text), quote=False)))
