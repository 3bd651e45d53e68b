"""Stores to and from what other tools read: image folders, torchgeo's layout, WebDataset, Zarr."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from typing_extensions import override

from raysat.api.importers import ImportResult, import_result
from raysat.api.stores import Store, as_store
from raysat.config.arguments import checked
from raysat.data.bands import bands_of_files
from raysat.data.exporters.write import ExportSummary, export_store
from raysat.data.importers.base import Progress, no_progress
from raysat.data.importers.converted import Given
from raysat.data.layouts import known_layout
from raysat.views.shown import Shown
from raysat.views.store import show_export


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Conversion(ExportSummary, Shown):
    """What a conversion wrote: ``path``, ``layout``, ``patches``, ``files``, ``bytes``, ``notes``."""

    def __repr__(self) -> str:
        return f"<Conversion to {self.layout} at {str(self.path)!r}: {self.patches:,} patches>"

    @override
    def show(self, console: Console) -> None:
        show_export(self, console)


@checked
def convert(
    data: Store | Path | str,
    out: Path | str,
    *,
    to: str,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> Conversion:
    """Write a store in a layout that other tools read.

    Args:
        data: the store: open, its path or URL, or ``demo``.
        out: the folder to make.
        to: ``imagefolder`` (torchvision), ``torchgeo``, ``webdataset`` or ``zarr``.
        overwrite: replace an earlier conversion at ``out``.
        progress: called with the patches written so far and in all.

    Returns:
        What was written, and what a reader should know of it.

    Raises:
        UsageError: an unknown layout.
        StoreError: the store is missing or damaged.
        DataError: ``out`` exists.
        DiskError: it cannot be written.
        InstallationError: the layout needs a package that is not installed.
    """
    layout = known_layout(to)
    store, _ = as_store(data)
    done = export_store(store, Path(out), layout, overwrite=overwrite, progress=progress)
    return Conversion(**{name: getattr(done, name) for name in ExportSummary.__dataclass_fields__})


@checked
def import_image_folder(
    source: Path | str,
    out: Path | str,
    *,
    sensor: str | None = None,
    bands: Sequence[str] | None = None,
    ordinal: bool = False,
    allow_duplicates: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportResult:
    """Import images sorted into folders: ``train/<class>/*.tif``, or ``<class>/*.tif`` with lists of the splits.

    Args:
        source: the folder of the splits or of the classes; images are GeoTIFF, PNG or JPEG.
        out: the store to write, a folder.
        sensor: the sensor that they are of; names the bands in its order.
        bands: names of the bands in order, where they are not all of the sensor's.
        ordinal: whether the order of the classes has a meaning.
        allow_duplicates: accept patches with the same pixels in two splits.
        overwrite: replace a store at ``out``.
        progress: called with the files read so far and in all.

    Returns:
        The store, and what was read.

    Raises:
        UsageError: nothing names the bands.
        DataError: there is no image, or one that cannot be read.
    """
    from raysat.data.importers.image_folder import read_image_folder

    given = Given(bands=bands_of_files(sensor, bands), sensor=sensor, ordinal=ordinal)
    patches = read_image_folder(Path(source), given)
    return import_result(patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)


@checked
def import_webdataset(
    source: Path | str,
    out: Path | str,
    *,
    sensor: str | None = None,
    bands: Sequence[str] | None = None,
    classes: Sequence[str] = (),
    ordinal: bool = False,
    allow_duplicates: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportResult:
    """Import WebDataset shards: ``train-*.tar`` and so on, with ``KEY.npy`` (bands first) and ``KEY.cls``.

    Args:
        source: the folder of the shards.
        out: the store to write, a folder.
        sensor: the sensor that they are of; names the bands in its order.
        bands: names of the bands in order, where they are not all of the sensor's.
        classes: class names in order of their numbers, where none are stored.
        ordinal: whether the order of the classes has a meaning.
        allow_duplicates: accept patches with the same pixels in two splits.
        overwrite: replace a store at ``out``.
        progress: called with the bytes read so far and in all.

    Returns:
        The store, and what was read.

    Raises:
        UsageError: nothing names bands or classes.
        DataError: there is no shard, or one that cannot be read.
    """
    from raysat.data.importers.webdataset import read_webdataset

    given = Given(bands=bands_of_files(sensor, bands), sensor=sensor, classes=classes, ordinal=ordinal)
    patches = read_webdataset(Path(source), given)
    return import_result(patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)


@checked
def import_zarr(
    source: Path | str,
    out: Path | str,
    *,
    sensor: str | None = None,
    bands: Sequence[str] | None = None,
    classes: Sequence[str] = (),
    ordinal: bool = False,
    allow_duplicates: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportResult:
    """Import a Zarr group (format 3): ``images`` (N, C, H, W), ``labels`` (N,) and, where there are, ``splits`` (N,).

    Args:
        source: the folder of the group.
        out: the store to write, a folder.
        sensor: the sensor that they are of; names the bands in its order.
        bands: names of the bands in order, where they are not all of the sensor's.
        classes: class names in order of their numbers, where none are stored.
        ordinal: whether the order of the classes has a meaning.
        allow_duplicates: accept patches with the same pixels in two splits.
        overwrite: replace a store at ``out``.
        progress: called with the patches read so far and in all.

    Returns:
        The store, and what was read.

    Raises:
        UsageError: nothing names bands or classes.
        DataError: the group cannot be read.
        InstallationError: zarr is not installed.
    """
    from raysat.data.importers.zarr import read_zarr

    given = Given(bands=bands_of_files(sensor, bands), sensor=sensor, classes=classes, ordinal=ordinal)
    patches = read_zarr(Path(source), given)
    return import_result(patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)
