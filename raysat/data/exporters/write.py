"""Writes a store in a layout that other tools read: under a temporary name, synced, then renamed into place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raysat.data.exporters.base import Export, Writer
from raysat.data.exporters.description import DESCRIPTION, describe
from raysat.data.exporters.image_folder import write_class_folders, write_split_folders
from raysat.data.exporters.webdataset import write_webdataset
from raysat.data.exporters.zarr import write_zarr
from raysat.data.importers.base import Progress, no_progress
from raysat.data.importers.zarr_array import GROUP
from raysat.data.layouts import Layout
from raysat.data.patch_store import PatchStore
from raysat.errors import DataError
from raysat.files import install_folder, partial_folder, real_target, sync_file, writing

_WRITERS: Final[dict[Layout, Writer]] = {
    "imagefolder": write_split_folders,
    "torchgeo": write_class_folders,
    "webdataset": write_webdataset,
    "zarr": write_zarr,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportSummary:
    """Outcome of a conversion to another layout."""

    path: Path
    layout: Layout
    patches: int
    files: int
    bytes: int
    notes: tuple[str, ...]
    seconds: float


def export_store(
    store: PatchStore, out: Path, layout: Layout, *, overwrite: bool = False, progress: Progress = no_progress
) -> ExportSummary:
    """Write a store in a layout of other tools.

    Args:
        store: the store.
        out: the folder to make.
        layout: which one.
        overwrite: replace an earlier conversion at ``out``.
        progress: called with the patches written so far and in all.

    Returns:
        What was written, and what another tool should be told of it.

    Raises:
        DataError: ``out`` exists, or a name cannot be one of a file.
        InstallationError: the layout needs a package that is not installed.
        DiskError: it cannot be written; nothing is left then.
    """
    started = time.perf_counter()
    target = real_target(out)
    _check_target(out, overwrite=overwrite)
    with writing(out), partial_folder(target) as work:
        told = describe(store, layout)
        notes = tuple(_WRITERS[layout](Export(store=store, told=told, folder=work, progress=progress)))
        files = [file for file in sorted(work.rglob("*")) if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        for file in files:
            sync_file(file)
        _check_target(target, overwrite=overwrite)
        install_folder(work, target)
    return ExportSummary(
        path=out,
        layout=layout,
        patches=len(store),
        files=len(files),
        bytes=size,
        notes=notes,
        seconds=time.perf_counter() - started,
    )


def _check_target(path: Path, *, overwrite: bool) -> None:
    """Raise DataError where nothing can be written to a path; only an earlier conversion is ever replaced."""
    with writing(path):
        exists = path.exists() or path.is_symlink()
        replaceable = any((path / name).is_file() for name in (DESCRIPTION, GROUP))
    if not exists:
        return
    if not overwrite:
        raise DataError(f"{path} exists already", hint="choose another {--out}, or replace it with {--overwrite}")
    if not replaceable:
        raise DataError(f"{path} is no converted store, so it is not overwritten", hint="choose another {--out}")
