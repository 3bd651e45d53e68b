r"""A table for a paper: numbers aligned at their points by siunitx, footnotes by threeparttable, rules by booktabs.

A cell's second line, such as an interval, stands in a row of its own below it, in smaller type. siunitx is version 3
(TeX Live 2021 and later).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from raysat.formatting import NONE
from raysat.reporting.format.table import Cell, Emphasis, Heading, Table
from raysat.reporting.render.latex import escape, group_lines, row

PACKAGES: Final = ("array", "booktabs", "siunitx", "threeparttable")
_NUMBER: Final = re.compile(r"(<)?([+−-])?(\d+)(?:\.(\d+))?")
_WIDE: Final = 26  # characters of a name; longer ones wrap
_COLUMN: Final = 84  # millimetres of the narrowest column, of two on a page
_LETTER, _SMALL, _GAP = 1.75, 1.2, 2.8  # millimetres, about: of a letter, of one of a second line, between columns
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


def to_siunitx(table: Table, label: str, notes: Sequence[str]) -> str:
    r"""Return a floating table that a paper inputs; every text is escaped.

    Args:
        table: its cells; a column all of whose cells are numbers is aligned at their points.
        label: for ``\ref``: ``tab:<label>``.
        notes: footnotes to the whole table; those to single cells and headings come before them, by letter.
    """
    letters = _letters(table)
    numbers = [_number_format([cells[k].text for cells in table.lines]) for k in range(len(table.headings))]
    floats = "table*" if _width(table) > _COLUMN else "table"
    form = "".join(_column(table, k, found) for k, found in enumerate(numbers))
    head = [
        _heading(heading, letters, aligned=bool(found)) for heading, found in zip(table.headings, numbers, strict=True)
    ]
    rows = [line for cells in table.lines for line in _lines(cells, numbers, letters)]
    body = "\n".join(rows).removesuffix(r" \addlinespace[1pt]")
    items = [rf"\item[{letter}] {escape(note)}" for note, letter in letters.items()]
    items += [rf"\item[\hspace*{{-\labelsep}}] {escape(note)}" for note in notes]
    return "\n".join(
        [
            rf"\begin{{{floats}}}[t]",
            r"\centering",
            r"\begin{threeparttable}",
            rf"\caption{{{escape(table.caption)}}}",
            rf"\label{{tab:{_key(label)}}}",
            r"\small\setlength{\tabcolsep}{4pt}",
            rf"\begin{{tabular}}{{@{{}}{form}@{{}}}}",
            r"\toprule",
            *_groups(table.headings),
            row(head),
            r"\midrule",
            body,
            r"\bottomrule",
            r"\end{tabular}",
            *([r"\begin{tablenotes}[flushleft]\footnotesize", *items, r"\end{tablenotes}"] if items else []),
            r"\end{threeparttable}",
            rf"\end{{{floats}}}",
            "",
        ]
    )


def _width(table: Table) -> float:
    """About how wide it is, in millimetres."""
    total = 0.0
    for k, heading in enumerate(table.headings):
        cells = [line[k] for line in table.lines]
        first = max([len(heading.text), *(min(len(cell.text), _WIDE) for cell in cells)])
        second = max((len(cell.below) for cell in cells), default=0)
        total += max(_LETTER * first, _SMALL * second) + _GAP
    return total


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-")


def _letters(table: Table) -> dict[str, str]:
    """Footnotes to cells and headings, each text once, and the letters that stand for them."""
    notes = [heading.note for heading in table.headings] + [cell.note for cells in table.lines for cell in cells]
    return {note: _letter(position) for position, note in enumerate(dict.fromkeys(filter(None, notes)))}


def _letter(position: int) -> str:
    """``a`` to ``z``, then ``aa``, ``ab`` ..."""
    more, last = divmod(position, len(_LETTERS))
    return (_letter(more - 1) if more else "") + _LETTERS[last]


def _number_format(texts: Sequence[str]) -> str:
    """What siunitx is told of a column, such as ``+1.3``; empty where its cells are not all numbers, or none."""
    found = [_NUMBER.fullmatch(text) for text in texts if text != NONE]
    matches = [match for match in found if match is not None]
    if not matches or len(matches) < len(found):
        return ""
    less = "<" * any(match[1] for match in matches)
    sign = "+" * any(match[2] for match in matches)
    whole, part = max(len(match[3]) for match in matches), max(len(match[4] or "") for match in matches)
    return f"{less}{sign}{whole}.{part}" if part else f"{less}{sign}{whole}"


def _column(table: Table, k: int, numbers: str) -> str:
    heading = table.headings[k]
    if heading.words:
        wide = any(len(cells[k].text) > _WIDE for cells in table.rows)
        return r">{\raggedright\arraybackslash}p{0.3\linewidth}" if wide else "l"
    if not numbers:
        return "c"
    shown = ["retain-explicit-plus"] if "+" in numbers else []
    shown += ["text-series-to-math"] if any(row[k].emphasis is Emphasis.STRONG for row in table.lines) else []
    return f"S[{','.join([f'table-format={numbers}', *shown])}]"


def _groups(headings: Sequence[Heading]) -> list[str]:
    """A line with the names of groups, and one with the rules below these; none without groups."""
    names, *rules = group_lines(headings) or [""]
    return [names, "".join(rules)] if rules else []


def _heading(heading: Heading, letters: dict[str, str], *, aligned: bool) -> str:
    text = escape(heading.text) + _mark(heading.note, letters)
    return f"{{{text}}}" if aligned else text


def _lines(cells: Sequence[Cell], numbers: Sequence[str], letters: dict[str, str]) -> list[str]:
    """A row, and where some cell has a second line a row of these."""
    first = row([_cell(cell, letters, aligned=bool(found)) for cell, found in zip(cells, numbers, strict=True)])
    if not any(cell.below for cell in cells):
        return [first]
    second = row([rf"{{\scriptsize {escape(cell.below)}}}" if cell.below else "" for cell in cells])
    return [rf"{first}*[-2pt]", rf"{second} \addlinespace[1pt]"]


def _cell(cell: Cell, letters: dict[str, str], *, aligned: bool) -> str:
    strong, mark = cell.emphasis is Emphasis.STRONG, _mark(cell.note, letters)
    if aligned and cell.text != NONE:
        number = cell.text.replace("−", "-")  # matched: digits, a point and a sign
        return rf"\bfseries {number}{mark}" if strong else f"{number}{mark}"
    text = rf"\textbf{{{escape(cell.text)}}}" if strong else escape(cell.text)
    return f"{{{text}{mark}}}" if aligned else f"{text}{mark}"


def _mark(note: str, letters: dict[str, str]) -> str:
    return rf"\tnote{{{letters[note]}}}" if note else ""
