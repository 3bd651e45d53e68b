"""Small texts that several modules share: times, counts, values in errors."""

from __future__ import annotations

import csv
import io
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

_DIGITS: Final = 20  # of a number that is written out in an error
_LONGEST_LINE: Final = 300  # characters of a text that is flattened, such as an error
_ESCAPED: Final = {"\n": " ", "\t": " ", "\u00a0": " "}  # of what is not printable, what is but a blank
NONE: Final = "–"  # where there is no number


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with so many decimals; a dash for None."""
    return NONE if value is None else f"{value:.{digits}f}"


def printable(text: str) -> str:
    """Flatten a text to one printable line, however long."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())


def visible(text: str) -> str:
    r"""Write out what a terminal would obey or not show: ``\x1b`` for ESC, ``\u202e`` for a turned direction."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _ESCAPED.get(char) or _escaped(char) for char in text)


def visible_text(text: str) -> str:
    """Write out what a terminal would obey or not show, and keep line ends and tabs: for text of several lines."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t\u00a0" else _escaped(char) for char in text)


def elide_line(text: str, longest: int) -> str:
    """Write a text as one visible line; of one with more than so many characters, the beginning and the end."""
    if len(text) > 2 * longest:
        text = f"{text[:longest]}…{text[-longest:]}"
    line = visible(text)
    if len(line) <= longest:
        return line
    half = (longest - 1) // 2
    return f"{line[:half].rstrip()}…{line[-half:].lstrip()}"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def one_line(text: str) -> str:
    """Flatten a text to one printable line of bounded length."""
    line = printable(text)
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1].rstrip() + "…"


def elide(text: str, width: int) -> str:
    """Take out the middle of a text that is wider than so many cells of a terminal: names differ at their ends."""
    from rich.cells import cell_len  # noqa: PLC0415  (errors need this module, and start without rich)

    if cell_len(text) <= width:
        return text
    head = text
    while cell_len(head) > width // 2:
        head = head[:-1]
    head = head.rstrip()
    return head + tail(text, width - cell_len(head))


def tail(text: str, width: int) -> str:
    """The end of a text that is wider than so many cells, after an ellipsis."""
    from rich.cells import cell_len  # noqa: PLC0415  (as above)

    while cell_len(text) > width - 1:
        text = text[1:]
    return "…" + text.lstrip()


def duration(seconds: float) -> str:
    """Write a time as people say it: ``42 s``, ``3 min``, ``2 h 20 min``, ``4 d 3 h``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def data_size(size: float) -> str:
    """Write a number of bytes: ``12 bytes``, ``4.6 GB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def plural(number: int, noun: str) -> str:
    """Write a count with its noun: ``1 trial``, ``1,400 trials``, ``2 patches``."""
    ending = "es" if noun.endswith("patch") else "s"
    return f"{number:,} {noun}{ending * (number != 1)}"


class _Short(reprlib.Repr):
    """Shows the beginning of what is long."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 60

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002  (reprlib's signature)
        try:
            digits = str(abs(x))
        except ValueError:  # more than Python writes out
            return f"a number of {x.bit_length():,} bits"
        shown = digits if len(digits) <= _DIGITS else f"{digits[:7]}…{digits[-4:]} ({len(digits)} digits)"
        return f"-{shown}" if x < 0 else shown


def echo(value: Any) -> str:
    """Write a value as an error shows it: ``'adm'``, ``1000000…0000 (400 digits)``, ``[0, 1, 2, 3, 4, 5, ...]``."""
    return _Short().repr(value)


def to_csv(rows: Sequence[Mapping[str, object]], columns: Sequence[str] = ()) -> str:
    """Write rows as CSV: the ``columns``, then other keys as they appear; empty where a row has none."""
    text = io.StringIO()
    names = dict.fromkeys([*columns, *(key for row in rows for key in row)])
    writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
