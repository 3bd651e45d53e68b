"""The plain table of every view."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table


def plain_table(*left: str, right: Sequence[str] = (), numbered: bool = False) -> Table:
    """Return an empty table without lines: columns of text that may be folded, then of numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    if numbered:
        table.add_column("#", justify="right", no_wrap=True)
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table
