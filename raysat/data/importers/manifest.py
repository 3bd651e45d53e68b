"""The CSV manifest of a GeoTIFF import: which file is of which class, in which split and group.

Rows are numbered as a spreadsheet shows them: the header is row 1. A path may lead out of the manifest's folder, by
``..``, a link or from the root: data often lie on another disk. Whatever it names is opened as a regular TIFF file, and
as nothing else (see ``tiff.py``), so a manifest from elsewhere can read no more than an image into a store.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raysat.data.names import check_name
from raysat.data.splits import SPLITS, Split
from raysat.errors import DataError, prefixed, suggest
from raysat.files import read_text
from raysat.formatting import echo

_COLUMNS: Final = ("path", "label", "split", "group")
_HINT: Final = "the first row names the columns: path,label or path,label,split,group"
_REMEDY: Final = "give the CSV file that lists the patches"
_MAX_BYTES: Final = 256 << 20  # of a manifest; a row takes some hundred
_MAX_ROWS: Final = 1_000_000  # blank ones too; droughtwatch has 86,317 patches
_MAX_CELLS: Final = 1_000  # of a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a manifest; ``split`` is None where the manifest has no such column."""

    number: int
    path: Path
    label: str
    split: Split | None
    group: str | None  # which patches are alike; None where the manifest has no such column


def read_manifest(path: Path) -> tuple[list[Row], list[str]]:
    """Read a manifest: its rows, but for blank ones, and the names of columns without a meaning here.

    Raises DataError, naming the row, for a bad header, an empty path or group, a label that no class can be called, an
    unknown split, a file named twice, even by another path or a link (it would leak between splits), and a manifest
    that cannot be read, is too large or has no rows.
    """
    header: list[str] = []
    rows: dict[str, Row] = {}  # by the file that they name, whatever the path to it
    for number, cells in _lines(path):
        with prefixed(f"{path}: row {number}", DataError):
            if number == 1:
                header = cells
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


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each row; of an empty file, one row without any."""
    text = io.StringIO(read_text(path, max_bytes=_MAX_BYTES, remedy=_REMEDY, error=DataError), newline="")
    number = 0
    try:
        for number, cells in enumerate(csv.reader(text, strict=True), 1):
            if number > _MAX_ROWS or len(cells) > _MAX_CELLS:
                what = f"{_MAX_CELLS:,} cells in row {number}" if len(cells) > _MAX_CELLS else f"{_MAX_ROWS:,} rows"
                raise DataError(f"{path} has more than {what}", hint=_REMEDY)
            yield number, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV file in UTF-8: row {number + 1}: {error}", hint=_HINT) from error
    if not number:
        yield 1, []


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
    for column in ("path", "label", "group"):
        if not named.get(column, column):
            raise DataError(f"the {column} is empty")
    if "\0" in named["path"]:
        raise DataError("the path holds a NUL character", hint="was the file saved as UTF-8?")
    check_name(named["label"], "class")
    name = named.get("split")
    split = next((split for split in SPLITS if split == name), None)
    if name is not None and split is None:
        hint = suggest(name[:100], SPLITS, f"a split is one of {', '.join(SPLITS)}")
        raise DataError(f"unknown split {echo(name)}", hint=hint)
    path, label = folder / named["path"], named["label"]
    return Row(number=number, path=path, label=label, split=split, group=named.get("group"))
