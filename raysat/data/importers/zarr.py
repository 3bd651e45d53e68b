"""Import a Zarr group (format 3) of images, labels, splits and so on, as ``exporters/zarr.py`` writes it.

How its arrays are opened, and what of them is not, is in ``zarr_array.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from raysat.data.exporters.description import Description, check_groups, check_places, parse_description
from raysat.data.importers.base import Patch, PatchSource
from raysat.data.importers.converted import NOTHING, Given, Known
from raysat.data.importers.zarr_array import GROUP, REMEDY, ZarrModel, open_array
from raysat.data.places import Places
from raysat.data.splits import SPLITS
from raysat.errors import DataError
from raysat.files import read_model
from raysat.installation import extra_module

_PIXELS: Final = ("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float16", "float32", "float64")
_CODES: Final = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")


class _Attributes(ZarrModel):
    raysat: dict[str, Any] | None = None


class _Group(ZarrModel):
    zarr_format: Literal[3]
    node_type: Literal["group"]
    attributes: _Attributes = _Attributes()


def read_zarr(source: Path, given: Given = NOTHING) -> PatchSource:
    """Return the patches of a group.

    Args:
        source: its folder.
        given: what is said of it.

    Raises:
        DataError: the group or an array cannot be read, or they do not fit together; a chunk that cannot be read raises
            it when its turn comes.
        UsageError: nothing names bands or classes.
        InstallationError: zarr is not installed.
    """
    library = extra_module("zarr", extra="convert")
    group = read_model(_Group, source / GROUP, remedy=REMEDY, error=DataError)
    told = _description(group, source)
    known = Known.of(told, given)
    known.check_classes("labels")
    images = open_array(library, source / "images", _PIXELS, 4)
    count = images.meta.shape[0]
    labels = _codes(library, source / "labels", count, len(known.classes))
    splits = _codes(library, source / "splits", count, len(SPLITS)) if (source / "splits").is_dir() else None
    nodata = open_array(library, source / "nodata", ("bool",), 4) if (source / "nodata").is_dir() else None
    if images.meta.shape[1] != len(known.bands):
        raise DataError(
            f"{source}/images has {images.meta.shape[1]} bands on its second axis, {len(known.bands)} are named",
            hint="images are patches x bands x height x width: name the bands with {--sensor} or {--bands}",
        )
    if nodata is not None and (nodata.meta.shape, nodata.step) != (images.meta.shape, images.step):
        raise DataError(f"{source}/nodata is no mask of images: another shape, or other chunks", hint=REMEDY)
    places, groups = _places(library, told, source), _groups(library, told, source)

    def patches() -> Iterator[Patch]:
        for start in range(0, count, images.step):
            pixels = images.read(start)
            masks = None if nodata is None else nodata.read(start)
            for offset, patch in enumerate(pixels):
                row = start + offset
                yield Patch(
                    pixels=patch,
                    label=int(labels[row]),
                    split=None if splits is None else SPLITS[splits[row]],
                    missing=None if masks is None else masks[offset],
                    place=known.place(places, str(row)),
                    group=known.group(groups, str(row)),
                    done=row + 1,
                )

    return PatchSource(
        kind="zarr",
        path=source,
        unit="patches",
        splits=frozenset() if splits is None else frozenset(SPLITS[code] for code in np.unique(splits)),
        patches=patches(),
        total=count,
        place=lambda number: f"{source}: patch {number}",
        drop_zero=False,
        **known.facts(),
    )


def _description(group: _Group, source: Path) -> Description | None:
    if group.attributes.raysat is None:
        return None
    return parse_description(json.dumps(group.attributes.raysat), f"{source / GROUP}: raysat")


def _places(library: Any, told: Description | None, source: Path) -> Places | None:
    """Read where the patches lie. Raises DataError where the array is missing, damaged or of other patches."""
    if told is None or not told.scenes:
        return None
    array = open_array(library, source / "places", ("float64",), 2)
    table = np.concatenate([array.read(start) for start in range(0, array.meta.shape[0], array.step)])
    return check_places(table.astype(np.float64), told, source / "places")


def _groups(library: Any, told: Description | None, source: Path) -> npt.NDArray[np.int64] | None:
    """Read the groups of the patches. Raises DataError as ``_places``."""
    if told is None or told.grouping is None:
        return None
    count = told.shape[0]
    return check_groups(_codes(library, source / "groups", count, count), told, source / "groups")


def _codes(library: Any, folder: Path, count: int, most: int) -> npt.NDArray[np.int64]:
    """Read the labels or splits (N,), each below ``most``. Raises DataError where they do not fit."""
    array = open_array(library, folder, _CODES, 1)
    if array.meta.shape != (count,):
        raise DataError(f"{folder} has {array.meta.shape[0]:,} values for {count:,} patches", hint=REMEDY)
    values = np.concatenate([array.read(start) for start in range(0, count, array.step)])
    if values.min() < 0 or values.max() >= most:
        raise DataError(
            f"{folder} has values from {values.min()} to {values.max()}, expected 0 to {most - 1}", hint=REMEDY
        )
    return values.astype(np.int64)
