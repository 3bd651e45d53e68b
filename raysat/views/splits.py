"""Shows how the patches of a store were split anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.text import Text

from raysat.data.lengths import length
from raysat.data.splits import SPLITS
from raysat.formatting import one_line, plural
from raysat.views.store import class_table, columns_table, size_of

if TYPE_CHECKING:
    from rich.console import Console

    from raysat.data.resplit import SplitStore, SplitSummary

_SURELY: Final = 0.99  # of a patch's side: metres of a map projection are up to 0.2 % off


def show_splits(summary: SplitSummary, console: Console) -> None:
    """Print by what was split, patches and groups of each split, what the buffer dropped, and what to know of it."""
    patches = plural(len(summary.origin), "patch")
    console.print(
        Text(f"{patches} of {summary.origin.path} split by {summary.groups.in_words} in {summary.seconds:.1f} s")
    )
    if summary.joined:
        console.print(f"{plural(summary.joined, 'group')} went with another that holds the same pixels")
    console.print()
    distances = any(each.apart is not None for each in summary.made)
    buffer = [f"dropped by {length(summary.how.buffer)}"] if summary.how.buffer else []
    table = columns_table("store", *SPLITS, "groups", *buffer, *["test to train"] * distances)
    for each in summary.made:
        counts = (f"{len(each.store.indices(split)):,}" for split in SPLITS)
        groups = " / ".join(f"{count:,}" for count in each.groups)
        dropped = [f"{sum(each.dropped):,}"] * len(buffer)
        far = [] if each.apart is None else [length(float(f"{each.apart:.3g}"))]
        table.add_row(Text(str(each.store.path)), *counts, groups, *dropped, *far)
    console.print(table)
    if distances:
        console.print(Text("test to train: from the nearest patch of test to one of train, centre to centre", "dim"))
    for each in summary.made:
        for note in _notes(each):
            console.print(Text(note))
    console.print()
    first, *others = summary.made
    if others:
        names = ", ".join(str(each.store.path) for each in summary.made)
        console.print(Text(f"wrote {plural(len(summary.made), 'store')}; in a study: stores: [{names}]"))
    else:
        console.print(Text(f"wrote {first.store.path}: {size_of(first.store)}"))
        console.print()
        console.print(class_table(first.store))


def _notes(each: SplitStore) -> Iterator[str]:
    store = each.store
    whole = store.counts("train") + store.counts("val") + store.counts("test")
    for split in SPLITS:
        none = np.flatnonzero((store.counts(split) == 0) & (whole > 0)).tolist()
        if none:
            yield f"{store.path}: no patch in {split} of {', '.join(one_line(store.classes[label]) for label in none)}"
    side = min(store.images.shape[2:]) * (store.pixel_size or 0.0)
    if each.apart is not None and each.apart < _SURELY * side:
        yield f"{store.path}: patches of test and train overlap: a buffer keeps them apart"
