"""The node's cache of patch stores on the console."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from raysat.data.remote.cache import CachedStore
from raysat.formatting import data_size, duration, plural, visible
from raysat.views.table import plain_table


def show_cache(folder: Path, stores: Sequence[CachedStore], limit: int, console: Console) -> None:
    """Print what is in the cache, the most recently used first.

    Args:
        folder: where it is.
        stores: what is in it.
        limit: bytes that it may take.
        console: where to print.
    """
    held = sum(store.bytes for store in stores)
    console.print(f"cache      {folder}: {plural(len(stores), 'store')}, {data_size(held)} of {data_size(limit)}")
    if not stores:
        return
    table = plain_table("store", right=("size", "last used"))
    for store in stores:
        ago = f"{duration(max(0.0, time.time() - store.used))} ago"
        table.add_row(Text(visible(store.place) or store.digest), data_size(store.bytes), ago)
    console.print(table)
