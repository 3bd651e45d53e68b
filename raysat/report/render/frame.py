"""A table as a pandas frame: numbers in full precision."""

from __future__ import annotations

from typing import Any

from raysat.report.format.table import Table


def to_frame(table: Table) -> Any:
    """Return a ``pandas.DataFrame`` with a row per row and a column per heading; a missing number is NaN.

    Pandas is imported here, as few need it and it takes half a second.
    """
    import pandas as pd  # noqa: PLC0415

    columns = {
        heading.label: [row[k].text if heading.words else row[k].value for row in table.lines]
        for k, heading in enumerate(table.headings)
    }
    return pd.DataFrame(columns)
