"""Patch stores: open one, see what it holds, and have it as frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge, Le
from rich.console import Console
from typing_extensions import override

from raysat.config.arguments import checked
from raysat.data.bands import Bands
from raysat.data.importers.base import Progress, no_progress
from raysat.data.importers.source import open_data
from raysat.data.patch_store import PatchStore
from raysat.data.remote.open import at_origin
from raysat.data.splits import SPLITS
from raysat.data.summary import class_counts, summarize_bands
from raysat.data.verify import StoreCheck, verify_store
from raysat.views.shown import Shown
from raysat.views.store import show_store

if TYPE_CHECKING:
    import pandas as pd


class Store(PatchStore, Shown):
    """A patch store: labelled multispectral patches on disk, memory-mapped; ``images`` is (N, C, H, W)."""

    __slots__ = ()

    def __repr__(self) -> str:
        _, bands, height, width = self.images.shape
        size = f"{len(self):,} x {bands} x {height} x {width} {self.images.dtype}"
        return f"<Store {str(self.path)!r}: {size}, {len(self.classes)} classes>"

    def to_frame(self) -> pd.DataFrame:
        """A row per patch, by its position in the store: class, split and, where known, scene, x, y and group."""
        import pandas as pd

        classes, splits = np.array(self.classes, dtype=object), np.array(SPLITS, dtype=object)
        columns = {"class": classes[self.labels], "split": splits[self.splits]}
        if self.places is not None:
            names = np.array(self.places.names, dtype=object)
            columns |= {"scene": names[self.places.scene], "x": self.places.x, "y": self.places.y}
        if self.groups is not None:
            columns["group"] = self.groups.codes
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self), name="patch"))

    def class_counts(self) -> pd.DataFrame:
        """Patches by class (rows) and split (columns), ``all`` last; splits without patches are left out."""
        import pandas as pd

        return pd.DataFrame(class_counts(self), index=pd.Index(self.classes, name="class"))

    def band_frame(self) -> pd.DataFrame:
        """A row per band: mean and sd of the train split, and the spread of values in a sample of patches."""
        import pandas as pd

        rows = [
            (band.name, band.stats.mean, band.stats.std, *band.ranges, band.nodata) for band in summarize_bands(self)
        ]
        names = ["band", "mean", "sd", "min", "p2", "median", "p98", "max", "nodata"]
        return pd.DataFrame(rows, columns=names).set_index("band")

    @checked
    def plot(
        self, file: Path | str, *, composite: Bands | None = None, per_class: Annotated[int, Ge(1), Le(100)] = 8
    ) -> None:
        """Draw some patches of every class, evenly spaced in the store.

        Args:
            file: where to write; its suffix names the format (.png, .pdf, .svg, .jpg).
            composite: one band, or three as red, green and blue, or a composite's name; by default natural colours.
            per_class: patches of a class at most.

        Raises:
            BandError: the composite is not in the store, or not of one or three bands.
            UsageError: the format is not known.
            DataError: the file cannot be written.
        """
        from raysat.data.sample_grid import contact_sheet

        contact_sheet(self, Path(file), composite=composite, per_class=per_class)

    @checked
    def plot_summary(
        self, file: Path | str, *, composite: Bands | None = None, per_class: Annotated[int, Ge(1), Le(100)] = 5
    ) -> None:
        """Draw what the store holds: of each class its patches by split, its spectrum with quantiles, and examples.

        Args:
            file: where to write; its suffix names the format (.png, .pdf, .svg, .jpg).
            composite: bands of the examples: one, or three as red, green and blue, or a composite's name.
            per_class: examples of a class at most.

        Raises:
            BandError: the composite is not in the store, or not of one or three bands.
            UsageError: the format is not known.
            DataError: the file cannot be written.
        """
        from raysat.data.summary_plot import summary_plot

        summary_plot(self, Path(file), composite=composite, per_class=per_class)

    @checked
    def verify(self, *, progress: Progress = no_progress) -> StoreCheck:
        """Read every byte and compare it with the store's description; opening a store looks at a part of its pixels.

        Of a store behind a URL, what lies there is read, and not this machine's copy.

        Args:
            progress: called with the patches read so far and in all.

        Returns:
            What was read, and the faults that were found; it is true where there are none.

        Raises:
            StoreError: a file cannot be read.
        """
        return verify_store(at_origin(self), progress=progress)

    @override
    def show(self, console: Console) -> None:
        show_store(self, console)


@checked
def open_store(data: Path | str = "demo") -> Store:
    """Open a patch store by its path or URL; ``demo`` is the embedded synthetic data, made on first use.

    A store behind a URL (``s3://``, ``gs://``, ``az://``) is read by range, as far as its ``images`` are indexed, until
    something trains on it: then it is copied to this machine's cache, and opened from there.

    Raises:
        UsageError: a URL that cannot be one of a store.
        DiskError: the store cannot be reached.
        StoreError: the store is missing or damaged.
        DataError: the demo store cannot be written to the cache.
    """
    store, _ = as_store(data)
    return store


def as_store(data: PatchStore | Path | str) -> tuple[Store, str]:
    """Return a store that is open or is to be opened, and the name that it goes by in plans and reports."""
    if isinstance(data, PatchStore):
        return shown_store(data), data.title or str(data.path)
    return shown_store(open_data(str(data))), str(data)


def shown_store(store: PatchStore) -> Store:
    """The same store as one that can show itself."""
    if isinstance(store, Store):
        return store
    return Store(**{name: getattr(store, name) for name in PatchStore.__dataclass_fields__})
