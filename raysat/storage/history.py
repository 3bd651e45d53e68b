"""``history.csv``: a trial's learning curve, a row of numbers per epoch."""

from __future__ import annotations

import csv
import io
import math
import re
import sys
from typing import Final

from raysat.formatting import echo

MAX_BYTES: Final = 16 << 20  # of the file: ten thousand epochs have a tenth of it
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_COLUMNS: Final = 64
_COUNTS: Final = frozenset({"epoch", "images"})  # whole numbers
_SHARES: Final = frozenset({"accuracy", "balanced_accuracy", "macro_f1"})
# Column -> its highest number, the lowest being 0. Others, such as losses, hold any number that is finite.
_HIGHEST: Final = dict.fromkeys(_SHARES, 1.0) | dict.fromkeys([*_COUNTS, "lr", "icv", "seconds"], 1e15)


def decode_history(content: bytes) -> list[dict[str, float]]:
    """Read a learning curve: by column, without empty cells. Raises ValueError that says what is wrong, and where."""
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"it is no CSV: {error}") from error
    names, *rows = rows or [[]]
    if len(names) > _COLUMNS or len(set(names)) < len(names) or not all(map(_NAME.fullmatch, names)):
        raise ValueError(f"its columns are {echo(names)}")
    history = []
    for number, row in enumerate(rows, start=2):
        if len(row) != len(names):
            raise ValueError(f"row {number} has {len(row)} cells, not {len(names)}")
        history.append({name: _number(name, cell, number) for name, cell in zip(names, row, strict=True) if cell})
    return history


def _number(name: str, cell: str, row: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    low, high = (0.0, _HIGHEST[name]) if name in _HIGHEST else (-sys.float_info.max, sys.float_info.max)
    if not low <= value <= high or (name in _COUNTS and not value.is_integer()):  # NaN is in no range
        raise ValueError(f"row {row}: {name} is {echo(cell)}")
    return value
