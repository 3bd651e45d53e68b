"""Import the paper authors' layout: ``train/<class>/*.npy``, ``val/<class>/*.npy`` (and ``test/``), each H x W x C."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from raysat.data.importers.base import Patch, PatchSource, sort_labels
from raysat.data.importers.form import MAX_PATCH_BYTES
from raysat.data.names import check_name
from raysat.data.npy import read_npy
from raysat.data.sensors import get_sensor
from raysat.data.splits import SPLITS, Split
from raysat.errors import DataError, UsageError, prefixed
from raysat.files import folder_entries, reading

_DEFAULT_SENSOR = get_sensor("landsat8")  # of the authors' data; no other number of bands says which sensor it is


def read_folder(
    source: Path,
    *,
    bands: Sequence[str] = (),
    sensor: str | None = None,
    ordinal: bool = False,
    keep_empty: bool = False,
) -> PatchSource:
    """Return the arrays that are sorted into folders by split and class.

    Args:
        source: the folder that holds ``train/``.
        bands: names of the bands, in order; by default those of Landsat 8 where the arrays have 11.
        sensor: the sensor that they are of, or None.
        ordinal: whether the order of the classes has a meaning.
        keep_empty: keep patches whose pixels are all zero; they are dropped and counted otherwise.

    Raises:
        DataError: there is no array to train on, or the first cannot be read; later ones raise it as they are read.
        UsageError: bands are not given and their number does not say what they are.
    """
    files, others = find_arrays(source)
    if not bands:
        _check_default(files[0][2])
        sensor, bands = _DEFAULT_SENSOR.name, _DEFAULT_SENSOR.band_names
    classes = sort_labels(name for _, name, _ in files)
    known = {name: label for label, name in enumerate(classes)}
    return PatchSource(
        kind="folder",
        path=source,
        unit="files",
        bands=tuple(bands),
        sensor=sensor,
        classes=classes,
        ordinal=ordinal,
        splits=frozenset(split for split, _, _ in files),
        patches=(
            Patch(pixels=_read(file, len(bands)), label=known[name], split=split, done=done)
            for done, (split, name, file) in enumerate(files, 1)
        ),
        total=len(files),
        place=lambda number: str(files[number][2]),
        drop_zero=not keep_empty,
        notes=(f"not read, as they are no .npy files: {others:,} files in folders of classes",) if others else (),
    )


def find_arrays(source: Path) -> tuple[list[tuple[Split, str, Path]], int]:
    """List split, class name and path of each array, in order; and count what lies among them and is none.

    Raises DataError where there is none to train on, or a folder that cannot be read or gives no class a name.
    """
    arrays: list[tuple[Split, str, Path]] = []
    others = 0
    for split in SPLITS:
        for folder in folder_entries(source / split, DataError):
            if not _is_folder(folder):
                continue
            with prefixed(folder.path, DataError):
                check_name(folder.name, "class")
            for entry in folder_entries(Path(folder.path), DataError):
                if entry.name.endswith(".npy"):
                    arrays.append((split, folder.name, Path(entry.path)))
                elif not entry.name.startswith("."):
                    others += 1
    if not any(split == "train" for split, _, _ in arrays):
        raise DataError(
            f"{source} holds no train/<class>/*.npy",
            hint="arrays lie in train/<class>/, val/<class>/ and test/<class>/",
        )
    return arrays, others


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether there is a folder of a class; a stray file is none. Raises DataError where that cannot be told."""
    with reading(Path(entry.path), "remove it, or mend it", DataError):
        return stat.S_ISDIR(entry.stat().st_mode)


def _check_default(file: Path) -> None:
    shape = _load(file).shape
    if len(shape) != 3 or shape[-1] != len(_DEFAULT_SENSOR.bands):
        raise UsageError(
            f"{file} has shape {shape}, which does not say what its bands are",
            hint="arrays are height x width x bands: name the bands with {--sensor} or {--bands}",
        )


def _read(file: Path, bands: int) -> npt.NDArray[Any]:
    """Return the patch (C, H, W) of a file."""
    array = _load(file)
    if array.ndim != 3 or array.shape[2] != bands:
        raise DataError(
            f"{file}: it has shape {array.shape}, expected height x width x {bands} bands",
            hint="name the bands with {--sensor} or {--bands}, or move the axes",
        )
    return array.transpose(2, 0, 1)


def _load(file: Path) -> npt.NDArray[Any]:
    return read_npy(file, max_bytes=MAX_PATCH_BYTES, remedy="save the array of one patch with numpy.save")
