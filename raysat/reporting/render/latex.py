r"""A table as LaTeX for a paper to input.

It needs ``\usepackage{booktabs}``, ``array`` for long names, and ``longtable`` for more than 40 rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from raysat.reporting.format.cells import PARETO
from raysat.reporting.format.table import Cell, Emphasis, Heading, Table

_MOST_ROWS: Final = 40
_WIDE: Final = 36  # characters; longer names wrap
_NO_LETTER: Final = frozenset("ĦħĸĿŀŉŦŧ")  # that no font of LaTeX has
_SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\textasciigrave{}",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "√": r"$\surd$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "²": "$^2$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    PARETO: r"$\diamond$",
    "□": r"{\fboxsep0pt\fbox{\phantom{x}}}",
}


def to_latex(table: Table, title: str, caption: str, notes: Sequence[str] = ()) -> str:
    """Return a floating table, or a long one where a page cannot hold it, with every name escaped.

    Args:
        table: what it shows; headings of a group stand under the group's name.
        title: of the study, for the label.
        caption: below which the table stands; ``table.caption`` follows it.
        notes: footnotes, a line each; comments of the source where the table is a long one.
    """
    long_names = any(
        len(cells[k].text) > _WIDE for cells in table.rows for k, h in enumerate(table.headings) if h.words
    )
    words = r">{\raggedright\arraybackslash}p{0.32\linewidth}" if long_names else "l"
    form = "@{}" + "".join(words if heading.words else "r" for heading in table.headings) + "@{}"
    head = "\n".join([*group_lines(table.headings), row([escape(h.short or h.label) for h in table.headings])])
    body = "\n".join(
        row([_cell(cell, heading) for cell, heading in zip(cells, table.headings, strict=True)])
        for cells in table.lines
    )
    label = "tab:" + re.sub(r"[^A-Za-z0-9-]+", "-", title).strip("-")
    above = rf"\caption{{{escape(f'{caption} {table.caption}')}}}\label{{{label}}}"
    needs = [r"\usepackage{booktabs}", *([r"\usepackage{array}"] if long_names else [])]
    if len(table.rows) > _MOST_ROWS:
        needs.append(r"\usepackage{longtable}")
        text = (
            rf"{{\small\begin{{longtable}}{{{form}}}"
            + f"\n{above} \\\\\n\\toprule\n{head}\n\\midrule\n\\endfirsthead\n"
            f"\\toprule\n{head}\n\\midrule\n\\endhead\n"
            f"{body}\n\\bottomrule\n\\end{{longtable}}}}\n" + "".join(f"% {escape(note)}\n" for note in notes)
        )
    else:
        text = (
            f"\\begin{{table}}\n\\centering\\small\n{above}\n\\begin{{tabular}}{{{form}}}\n\\toprule\n{head}\n"
            f"\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n{_notes(notes)}\\end{{table}}\n"
        )
    return f"% {title}: written by raysat; needs {' '.join(needs)}\n{text}"


def _notes(notes: Sequence[str]) -> str:
    """Footnotes below a table, flush left."""
    lines = "".join(f"{escape(note)}\\par\n" for note in notes)
    return f"\\par\\medskip\n{{\\footnotesize\\raggedright\n{lines}}}\n" if notes else ""


def group_lines(headings: Sequence[Heading]) -> list[str]:
    """A line above the headings with the names of groups; none without groups."""
    cells, rules, position = [], [], 1
    for group, members in groupby(headings, key=lambda heading: heading.group):
        width = len(list(members))
        cells += [rf"\multicolumn{{{width}}}{{c}}{{{escape(group)}}}"] if group else [""] * width
        rules += [rf"\cmidrule(lr){{{position}-{position + width - 1}}}"] if group else []
        position += width
    return [row(cells), *rules] if rules else []


def row(cells: Sequence[str]) -> str:
    """A line of a table; a bracket or star at its beginning is none of the command's before it."""
    line = " & ".join(cells)
    return ("{}" if line.startswith(("[", "*")) else "") + line + r" \\"


def _cell(cell: Cell, heading: Heading) -> str:
    text = escape(cell.text)
    if cell.emphasis is Emphasis.STRONG:
        text = rf"\textbf{{{text}}}"
    beside = cell.below and heading.inline
    return rf"{text} {{\footnotesize {escape(cell.below)}}}" if beside else text


def escape(text: str) -> str:
    """Escape a text for LaTeX; what its usual fonts lack is named by its code point."""
    return "".join(_SPECIAL.get(char) or _known(char) for char in " ".join(text.split()))


def _known(char: str) -> str:
    if char.isprintable() and (char.isascii() or ("À" <= char <= "ž" and char.isalpha() and char not in _NO_LETTER)):
        return char
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    return "".join(_SPECIAL.get(part, part) for part in plain if part.isprintable()) or rf"\texttt{{U+{ord(char):04X}}}"
