"""Importers: read patches into a store of one's own, or make a synthetic one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Final

from annotated_types import Ge, Le

from raysat.api.stores import Store, shown_store
from raysat.config import limits
from raysat.config.arguments import Seed, checked
from raysat.data.bands import bands_of_files
from raysat.data.importers.base import ImportSummary, PatchSource, Progress, no_progress
from raysat.errors import UsageError

_FEWEST: Final = 40  # synthetic patches: each class in each split


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult(ImportSummary):
    """The store that was made, and what was read and dropped on the way."""

    store: Store


@checked
def import_droughtwatch(
    source: Path | str,
    out: Path | str,
    *,
    keep_empty: bool = False,
    allow_duplicates: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportResult:
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
    return import_result(patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)


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
) -> ImportResult:
    """Import GeoTIFF patches listed in a CSV file with columns path, label and optionally split and group.

    Args:
        manifest: the CSV file; its paths are relative to it, a split is train, val or test, and
            patches of one group are alike (``docs/places.md``).
        out: the store to write, a folder.
        sensor: the name of one, as sentinel2 or landsat8 (an unknown one tells them all); names the bands in its order.
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
    return import_result(patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)


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
) -> ImportResult:
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
    return import_result(patches, out, allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)


@checked
def make_synthetic(
    out: Path | str,
    *,
    size: Annotated[int, Ge(_FEWEST), Le(limits.PATCHES)] = 5000,
    seed: Seed = 0,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportResult:
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


def import_result(
    patches: PatchSource, out: Path | str, *, allow_duplicates: bool, overwrite: bool, progress: Progress
) -> ImportResult:
    """Make a store of what an importer found.

    Args:
        patches: the importer's.
        out: the store to write, a folder.
        allow_duplicates: accept patches with the same pixels in two splits.
        overwrite: replace a store at ``out``.
        progress: called with what is read so far and in all.

    Returns:
        The store, and what was read and dropped.

    Raises:
        DataError: a patch that cannot be read or stored.
    """
    from raysat.data.importers.write import import_patches

    return _shown(
        import_patches(patches, Path(out), allow_duplicates=allow_duplicates, overwrite=overwrite, progress=progress)
    )


def _shown(summary: ImportSummary) -> ImportResult:
    parts = {field.name: getattr(summary, field.name) for field in fields(summary)}
    return ImportResult(**parts | {"store": shown_store(summary.store)})
