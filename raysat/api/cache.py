"""The stores that this machine keeps: copies of those that lie elsewhere, and folds that studies had it make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from typing_extensions import override

from raysat.data.remote.cache import CachedStore, cache_room, cached_stores, clear_cache, stores_folder
from raysat.views.cache import show_cache
from raysat.views.shown import Shown

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StoreCache(Shown):
    """What the cache of stores held when it was asked, the most recently used first."""

    folder: Path
    stores: tuple[CachedStore, ...]
    limit: int  # bytes that they may take together

    def __repr__(self) -> str:
        return f"<StoreCache {str(self.folder)!r}: {len(self.stores)}>"

    def to_frame(self) -> pd.DataFrame:
        """A row per store: where it was copied from (a fold: its name), its bytes, and when it was last used (UTC)."""
        import pandas as pd

        rows = [(store.place, store.bytes, pd.Timestamp(store.used, unit="s", tz="UTC")) for store in self.stores]
        return pd.DataFrame(rows, columns=["store", "bytes", "used"])

    def clear(self) -> tuple[CachedStore, ...]:
        """Delete what no process uses; returns these. Raises StorageError."""
        return tuple(clear_cache())

    @override
    def show(self, console: Console) -> None:
        show_cache(self.folder, self.stores, self.limit, console)


def store_cache() -> StoreCache:
    """List the copies of stores that this machine keeps, and the folds of stores that studies had it make.

    Stores that lie elsewhere are copied when they are trained on; room for a new one is made by deleting the ones that
    were not used for longest, never one that a process uses. ``RAYSAT_CACHE_LIMIT`` says how much they may take
    together, as ``20GB`` or ``30%``; by default half of what their disk has for them. ``RAYSAT_CACHE`` names another
    folder.

    Raises:
        UsageError: the limit is no size.
        StorageError: the folder cannot be read.
    """
    return StoreCache(folder=stores_folder(), stores=tuple(cached_stores()), limit=cache_room())
