"""Splits by place: a store's patches again, with whole groups in one split, or in folds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le
from rich.console import Console
from typing_extensions import override

from raysat.api.stores import Store, as_store, shown_store
from raysat.config import limits
from raysat.config.arguments import Seed, checked
from raysat.data.groups import LEAST_BLOCK
from raysat.data.importers.base import Progress, no_progress
from raysat.data.lengths import LONGEST, read_length
from raysat.data.resplit import SplitSummary, resplit
from raysat.data.split_by import SHARE, SplitBy
from raysat.data.splits import SPLITS
from raysat.views.shown import Shown
from raysat.views.splits import show_splits

if TYPE_CHECKING:
    import pandas as pd

Share = Annotated[float, Ge(limits.LEAST_SHARE), Le(limits.SHARE)]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SplitStores(Shown):
    """Stores that hold the patches of another one in other splits: one for each fold."""

    stores: tuple[Store, ...]
    summary: SplitSummary

    def __repr__(self) -> str:
        return f"<SplitStores by {self.summary.groups.in_words}: {', '.join(str(each.path) for each in self.stores)}>"

    def to_frame(self) -> pd.DataFrame:
        """A row per store and split: patches, groups, and patches that the buffer dropped."""
        import pandas as pd

        rows = [
            (str(each.store.path), split, len(each.store.indices(split)), groups, dropped)
            for each in self.summary.made
            for split, groups, dropped in zip(SPLITS, each.groups, each.dropped, strict=True)
        ]
        return pd.DataFrame(rows, columns=["store", "split", "patches", "groups", "dropped"]).set_index(
            ["store", "split"]
        )

    @override
    def show(self, console: Console) -> None:
        show_splits(self.summary, console)


@checked
def split_store(
    data: Store | Path | str,
    out: Path | str,
    *,
    split: Literal["group", "spatial"],
    block: Annotated[float, Ge(LEAST_BLOCK), Le(LONGEST)] | str | None = None,
    buffer: Annotated[float, Ge(0), Le(LONGEST)] | str = 0.0,
    val: Share = SHARE,
    test: Share | None = None,
    folds: Annotated[int, Ge(2), Le(limits.FOLDS)] | None = None,
    seed: Seed = 0,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> SplitStores:
    """Write a store's patches with other splits, so that patches of one group are in one split (``docs/places.md``).

    Args:
        data: the store: open, its path or URL, or ``demo``.
        out: the store to write, a folder; of folds, what their names begin with: ``out-1``, ``out-2`` and so on.
        split: ``"group"`` for the store's groups (a column of its manifest, or named scenes), ``"spatial"`` for square
            blocks of the Earth.
        block: side of a block, metres or a text such as ``"10km"``; of spatial splits.
        buffer: how far apart the centres of patches in two splits are at least, metres or a text; nearer ones are
            dropped from val, then from train.
        val: share of every class for val.
        test: share of every class for test, by default 0.15; of folds there is none.
        folds: make so many stores, so that each group is in the test split of one of them.
        seed: decides between groups that are alike.
        overwrite: replace stores that are there.
        progress: called with the patches read so far and in all; they are read twice.

    Returns:
        The stores, and how many patches and groups each split has.

    Raises:
        UsageError: options that do not go together, or a text that is no length.
        StoreError: the store is missing or damaged.
        DataError: groups or places are not known, there are too few groups, the buffer empties a split, or ``out``
            exists.
        DiskError: it cannot be written.
    """
    how = SplitBy(
        by=split,
        block=None if block is None else read_length(block, "{--block}", LEAST_BLOCK),
        buffer=read_length(buffer, "{--buffer}"),
        val=val,
        test=test,
        folds=folds,
        seed=seed,
    )
    target = Path(out)
    outs = [target] if folds is None else [target.with_name(f"{target.name}-{fold + 1}") for fold in range(folds)]
    store, _ = as_store(data)
    done = resplit(store, outs, how, overwrite=overwrite, progress=progress)
    return SplitStores(stores=tuple(shown_store(each.store) for each in done.made), summary=done)
