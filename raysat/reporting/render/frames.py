"""Rows of numbers as pandas frames, and these as Parquet.

Pandas takes a quarter of a second to import: import this module where a frame is made, not before.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import pandas as pd

from raysat.reporting.format.table import Table
from raysat.reporting.render.rows import Rows

# Types of a column in which some are missing, by what the others are; pandas would make floats and objects of them.
_WITH_MISSING: Final = {"integer": "Int64", "boolean": "boolean", "empty": "float64"}


def table_frame(table: Table) -> pd.DataFrame:
    """A row per row and a column per heading; a missing number is NaN."""
    columns = {
        heading.label: [row[k].text if heading.words else row[k].value for row in table.lines]
        for k, heading in enumerate(table.headings)
    }
    return pd.DataFrame(columns)


def make_frame(rows: Rows) -> pd.DataFrame:
    """A frame with typed columns; missing where a row has no value."""
    frame = pd.DataFrame({name: _column([row.get(name) for row in rows.rows]) for name in rows.names})
    return frame.set_index(list(rows.index))


def to_parquet(frame: pd.DataFrame) -> bytes:
    """The frame with its types and index, as ``pandas.read_parquet`` gives it back."""
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


def _column(values: Sequence[object]) -> pd.Series:
    known = pd.api.types.infer_dtype(values, skipna=True)
    missing = any(value is None for value in values)
    return pd.Series(values, dtype=_WITH_MISSING.get(known) if missing else None)
