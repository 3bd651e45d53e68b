"""Patch stores: open one, import patches into one, or make a synthetic one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import pandas as pd
from annotated_types import Ge, Le
from rich.console import Console
from typing_extensions import override

from raysat.config import limits
from raysat.config.arguments import Count, Seed, checked
from raysat.data.bands import Bands, bands_of_files
from raysat.data.importers.base import ImportSummary, PatchSource, Progress, no_progress
from raysat.data.importers.source import open_data
from raysat.data.patch_store import PatchStore
from raysat.data.splits import SPLITS
from raysat.data.summary import class_counts, summarize_bands
from raysat.errors import UsageError
from raysat.views.shown import Shown
from raysat.views.store import show_store

_FEWEST: Final = 40  # synthetic patches: each class in each split


class Store(PatchStore, Shown):
    """A patch store: labelled multispectral patches on disk, memory-mapped; ``images`` is (N, C, H, W)."""

    __slots__ = ()

    def __repr__(self) -> str:
        _, bands, height, width = self.images.shape
        size = f"{len(self):,} x {bands} x {height} x {width} {self.images.dtype}"
        return f"<Store {str(self.path)!r}: {size}, {len(self.classes)} classes>"

    def to_frame(self) -> pd.DataFrame:
        """A row per patch, by its position in the store: its class and its split."""
        classes, splits = np.array(self.classes, dtype=object), np.array(SPLITS, dtype=object)
        columns = {"class": classes[self.labels], "split": splits[self.splits]}
        return pd.DataFrame(columns, index=pd.RangeIndex(len(self), name="patch"))

    def class_counts(self) -> pd.DataFrame:
        """Patches by class (rows) and split (columns), ``all`` last; splits without patches are left out."""
        return pd.DataFrame(class_counts(self), index=pd.Index(self.classes, name="class"))

    def band_frame(self) -> pd.DataFrame:
        """A row per band: mean and sd of the train split, and the spread of values in a sample of patches."""
        rows = [
            (band.name, band.stats.mean, band.stats.std, *band.ranges, band.nodata) for band in summarize_bands(self)
        ]
        names = ["band", "mean", "sd", "min", "p2", "median", "p98", "max", "nodata"]
        return pd.DataFrame(rows, columns=names).set_index("band")

    @checked
    def plot(self, file: Path | str, *, composite: Bands | None = None, per_class: Count = 8) -> None:
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

    @override
    def show(self, console: Console) -> None:
        show_store(self, console)


@checked
def open_store(data: Path | str = "demo") -> Store:
    """Open a patch store by its path; ``demo`` is the embedded synthetic data, made on first use.

    Raises:
        StoreError: the store is missing or damaged.
        DataError: the demo store cannot be written to the cache.
    """
    store, _ = as_store(data)
    return store


def as_store(data: PatchStore | Path | str) -> tuple[Store, str]:
    """Return a store that is open or is to be opened, and the name that it goes by in plans and reports."""
    if isinstance(data, PatchStore):
        return shown_store(data), str(data.path)
    return shown_store(open_data(str(data))), str(data)


def shown_store(store: PatchStore) -> Store:
    """The same store as one that can show itself."""
    if isinstance(store, Store):
        return store
    return Store(**{name: getattr(store, name) for name in PatchStore.__dataclass_fields__})


@checked
def import_droughtwatch(
    source: Path | str,
    out: Path | str,
    *,
    keep_empty: bool = False,
    allow_duplicates: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportSummary:
    """Import W&B droughtwatch TFRecords, plain or gzip.

    Args:
        source: a folder with ``train/part-*`` and ``val/part-*``, a folder of parts, or one part.
        out: the store to write, a folder.
        keep_empty: keep patches whose pixels are all zero.
        allow_duplicates: accept patches with the same pixels in two splits.
        overwrite: replace a store at ``out``.
        progress: called with what is read so far and in all.

    Returns:
        The store, and what was read and dropped.

    Raises:
        DataError: data that cannot be read or trusted; names the file and record.
    """
    from raysat.data.importers.droughtwatch import read_droughtwatch

    patches = read_droughtwatch(Path(source), keep_empty=keep_empty)
    return _import(patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)


@checked
def import_geotiff(
    manifest: Path | str,
    out: Path | str,
    *,
    sensor: str | None = None,
    bands: Sequence[str] | None = None,
    classes: Sequence[str] = (),
    ordinal: bool = False,
    alpha_mask: bool = False,
    allow_duplicates: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportSummary:
    """Import GeoTIFF patches listed in a CSV file with columns path, label and optionally split.

    Args:
        manifest: the CSV file; its paths are relative to it, a split is train, val or test.
        out: the store to write, a folder.
        sensor: landsat8, sentinel2, landsat7 or naip; names the bands in its order.
        bands: names of the files' bands in order, where they are not all of the sensor's.
        classes: class names in order; by default the labels, sorted.
        ordinal: whether the order of the classes has a meaning.
        alpha_mask: the files' alpha band is a mask, nodata where it is 0, and none of ``bands``.
        allow_duplicates: accept patches with the same pixels in two splits.
        overwrite: replace a store at ``out``.
        progress: called with the rows read so far and in all.

    Returns:
        The store, and what was read and dropped.

    Raises:
        UsageError: neither sensor nor bands name the bands.
        DataError: a manifest or file that cannot be read; names the row.
    """
    names = bands_of_files(sensor, bands)
    if not names:
        hint = "use {--sensor} sentinel2, or {--bands} B01,B02,..."
        raise UsageError("the bands of the files are not named", hint=hint)
    from raysat.data.importers.geotiff import read_geotiff

    patches = read_geotiff(
        Path(manifest), bands=names, sensor=sensor, classes=classes, ordinal=ordinal, alpha_mask=alpha_mask
    )
    return _import(patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)


@checked
def import_folder(
    source: Path | str,
    out: Path | str,
    *,
    sensor: str | None = None,
    bands: Sequence[str] | None = None,
    ordinal: bool = False,
    keep_empty: bool = False,
    allow_duplicates: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportSummary:
    """Import arrays sorted into folders: ``train/<class>/*.npy``, ``val/...``, ``test/...``, each H x W x C.

    Args:
        source: the folder that holds ``train/``.
        out: the store to write, a folder.
        sensor: the sensor that they are of; arrays of 11 bands are taken for Landsat 8 where nothing is named.
        bands: names of the bands in order.
        ordinal: whether the order of the classes has a meaning.
        keep_empty: keep patches whose pixels are all zero.
        allow_duplicates: accept patches with the same pixels in two splits.
        overwrite: replace a store at ``out``.
        progress: called with the files read so far and in all.

    Returns:
        The store, and what was read and dropped.

    Raises:
        DataError: there is no array to train on, or one that cannot be read.
        UsageError: bands are not given and their number does not say what they are.
    """
    from raysat.data.importers.folder import read_folder

    names = bands_of_files(sensor, bands)
    patches = read_folder(Path(source), bands=names, sensor=sensor, ordinal=ordinal, keep_empty=keep_empty)
    return _import(patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)


@checked
def make_synthetic(
    out: Path | str,
    *,
    size: Annotated[int, Ge(_FEWEST), Le(limits.PATCHES)] = 5000,
    seed: Seed = 0,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportSummary:
    """Make synthetic Landsat 8 patches in four ordinal classes (60/16/15/9 %), split 70/10/20.

    Args:
        out: the store to write, a folder.
        size: number of patches.
        seed: decides every patch.
        overwrite: replace a store at ``out``.
        progress: called with the patches made so far and in all.

    Returns:
        The store, and what was made.

    Raises:
        DataError: the store cannot be written.
    """
    from raysat.data.importers.synthetic import synthesize

    return _shown(synthesize(Path(out), size=size, seed=seed, overwrite=overwrite, progress=progress))


def _import(
    patches: PatchSource, out: Path | str, *, allow_duplicates: bool, overwrite: bool, progress: Progress
) -> ImportSummary:
    from raysat.data.importers.write import import_patches

    return _shown(
        import_patches(patches, Path(out), allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)
    )


def _shown(summary: ImportSummary) -> ImportSummary:
    return replace(summary, store=shown_store(summary.store))
