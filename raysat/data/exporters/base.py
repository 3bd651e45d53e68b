"""What the writer of a layout is given. A writer takes an ``Export``, and yields what a reader should know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.data.exporters.description import Description
from raysat.data.importers.base import Progress
from raysat.data.nodata import Mask
from raysat.data.patch_store import PatchStore
from raysat.data.splits import SPLITS, Split


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One patch of a store."""

    number: int  # its position
    pixels: npt.NDArray[Any]  # (C, H, W)
    missing: Mask | None  # where it is nodata, (C, H, W); None where it is not
    label: int
    split: Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A store on its way into a layout."""

    store: PatchStore
    told: Description  # what the layout does not say of the store
    folder: Path  # to write to; empty
    progress: Progress  # called with the patches done so far and in all

    def rows(self) -> Iterator[Row]:
        """Read the patches in order; one counts as done when the next one is asked for."""
        store, bands = self.store, range(len(self.store.bands))
        for number in range(len(store)):
            missing = None
            if self.told.nodata:
                masks = [store.missing(np.array([number]), band)[0] for band in bands]
                missing = np.stack(masks) if any(mask.any() for mask in masks) else None
            yield Row(
                number=number,
                pixels=np.asarray(store.images[number]),
                missing=missing,
                label=int(store.labels[number]),
                split=SPLITS[store.splits[number]],
            )
            self.progress(number + 1, len(store))


Writer = Callable[[Export], Iterator[str]]
