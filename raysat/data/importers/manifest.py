"""The CSV manifest of a GeoTIFF import: which file is of which class, and in which split.

Rows are numbered as a spreadsheet shows them: the header is row 1.
"""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raysat.data.splits import SPLITS, Split
from raysat.errors import DataError, suggest

_COLUMNS: Final = ("path", "label", "split")
_HINT: Final = "the first row names the columns: path,label or path,label,split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a manifest; ``split`` is None where the manifest has no such column."""

    number: int
    path: Path
    label: str
    split: Split | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest that was read; ``unused`` names columns without a meaning here."""

    path: Path
    rows: tuple[Row, ...]
    unused: tuple[str, ...]

    def error(self, row: int, cause: str, hint: str | None = None) -> DataError:
        """Make the error of a row."""
        return row_error(self.path, row, cause, hint)


def row_error(manifest: Path, row: int, cause: str, hint: str | None = None) -> DataError:
    """Make the error of a row."""
    return DataError(f"{manifest}: row {row}: {cause}", hint=hint)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; blank rows are skipped.

    Raises DataError, naming the row, for a bad header, an empty path or label, an unknown split, a file named twice,
    be it by another path or a link (it would leak between splits), and a manifest that cannot be read or has no rows.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = list(enumerate(csv.reader(file, strict=True), 1))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: {error}", hint=_HINT) from error
    header = [name.strip() for name in cells[0][1]] if cells else []
    _check_header(path, header)
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, values in cells[1:]:
        if values:
            row = _row(path, number, header, [value.strip() for value in values])
            place = os.path.realpath(row.path)
            if place in seen:
                raise row_error(path, number, f"{row.path} is named in row {seen[place]} already")
            seen[place] = number
            rows.append(row)
    if not rows:
        raise DataError(f"{path} lists no patch", hint="add one row for each patch")
    return Manifest(path=path, rows=tuple(rows), unused=tuple(name for name in header if name not in _COLUMNS))


def _check_header(path: Path, header: list[str]) -> None:
    for column in _COLUMNS:
        if header.count(column) > 1:
            raise row_error(path, 1, f"column {column!r} stands twice", _HINT)
    for column in ("path", "label"):
        if column not in header:
            raise row_error(path, 1, f"column {column!r} is missing, it has {', '.join(header) or 'none'}", _HINT)


def _row(path: Path, number: int, header: list[str], values: list[str]) -> Row:
    if len(values) != len(header):
        raise row_error(path, number, f"it has {len(values)} cells, the header {len(header)}")
    named = dict(zip(header, values, strict=True))
    for column in ("path", "label"):
        if not named[column]:
            raise row_error(path, number, f"the {column} is empty")
    if "\0" in named["path"]:
        raise row_error(path, number, "the path holds a NUL character", "was the file saved as UTF-8?")
    split = named.get("split")
    known = next((one for one in SPLITS if one == split), None)
    if split is not None and known is None:
        hint = suggest(split, SPLITS, f"a split is one of {', '.join(SPLITS)}")
        raise row_error(path, number, f"unknown split {split!r}", hint)
    return Row(number=number, path=path.parent / named["path"], label=named["label"], split=known)
