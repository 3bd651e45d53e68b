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
from raysat.errors import DataError, prefixed, suggest

_COLUMNS: Final = ("path", "label", "split")
_HINT: Final = "the first row names the columns: path,label or path,label,split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a manifest; ``split`` is None where the manifest has no such column."""

    number: int
    path: Path
    label: str
    split: Split | None


def read_manifest(path: Path) -> tuple[list[Row], list[str]]:
    """Read a manifest: its rows, but for blank ones, and the names of columns without a meaning here.

    Raises DataError, naming the row, for a bad header, an empty path or label, an unknown split, a file named twice,
    even by another path or a link (it would leak between splits), and a manifest that cannot be read or has no rows.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [[cell.strip() for cell in cells] for cells in csv.reader(file, strict=True)] or [[]]
    except OSError as error:
        hint = "give the CSV file that lists the patches" if path.is_dir() else None
        raise DataError(f"{path} cannot be read: {error.strerror or error}", hint=hint) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: {error}", hint=_HINT) from error
    header = lines[0]
    rows: dict[str, Row] = {}  # by the file that they name, whatever the path to it
    for number, cells in enumerate(lines, 1):
        with prefixed(f"{path}: row {number}", DataError):
            if number == 1:
                _check_header(header)
            elif cells:
                row = _row(number, header, cells, path.parent)
                file_named = os.path.realpath(row.path)
                if file_named in rows:
                    raise DataError(f"{row.path} is named in row {rows[file_named].number} already")
                rows[file_named] = row
    if not rows:
        raise DataError(f"{path} lists no patch", hint="add one row for each patch")
    return list(rows.values()), [name for name in header if name not in _COLUMNS]


def _check_header(header: list[str]) -> None:
    for column in _COLUMNS:
        if header.count(column) > 1:
            raise DataError(f"column {column!r} appears twice", hint=_HINT)
    for column in ("path", "label"):
        if column not in header:
            hint = "separate columns by commas, not by ';'" if any(";" in name for name in header) else _HINT
            raise DataError(f"column {column!r} is missing, it has {', '.join(header) or 'none'}", hint=hint)


def _row(number: int, header: list[str], cells: list[str], folder: Path) -> Row:
    if len(cells) != len(header):
        raise DataError(f"it has {len(cells)} cells, the header {len(header)}")
    named = dict(zip(header, cells, strict=True))
    for column in ("path", "label"):
        if not named[column]:
            raise DataError(f"the {column} is empty")
    if "\0" in named["path"]:
        raise DataError("the path holds a NUL character", hint="was the file saved as UTF-8?")
    name = named.get("split")
    split = next((split for split in SPLITS if split == name), None)
    if name is not None and split is None:
        hint = suggest(name, SPLITS, f"a split is one of {', '.join(SPLITS)}")
        raise DataError(f"unknown split {name!r}", hint=hint)
    return Row(number=number, path=folder / named["path"], label=named["label"], split=split)
