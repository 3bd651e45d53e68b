"""Import a Zarr group (format 3) of images, labels and splits, as ``exporters/zarr.py`` writes it.

How its arrays are opened, and what of them is not, is in ``zarr_array.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from raysat.data.exporters.description import Description, parse_description
from raysat.data.importers.base import Patch, PatchSource
from raysat.data.importers.image_folder import kept, named_bands
from raysat.data.importers.zarr_array import GROUP, META_BYTES, REMEDY, ZarrModel, open_array
from raysat.data.splits import SPLITS
from raysat.errors import DataError, UsageError
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


def read_zarr(
    source: Path,
    *,
    bands: Sequence[str] = (),
    sensor: str | None = None,
    classes: Sequence[str] = (),
    ordinal: bool = False,
) -> PatchSource:
    """Return the patches of a group.

    Args:
        source: its folder.
        bands: names of the bands, in order; by default those of the group's attribute ``raysat``.
        sensor: the sensor that they are of, or None.
        classes: class names in order of their numbers; by default those of the attribute.
        ordinal: whether the order of the classes has a meaning, where the attribute does not say it.

    Raises:
        DataError: the group or an array cannot be read, or they do not fit together; a chunk that cannot be read raises
            it when its turn comes.
        UsageError: nothing names bands or classes.
        InstallationError: zarr is not installed.
    """
    library = extra_module("zarr", extra="convert")
    group = read_model(_Group, source / GROUP, remedy=REMEDY, max_bytes=META_BYTES, error=DataError)
    told = _description(group, source)
    bands, sensor = named_bands(told, bands, sensor)
    names = tuple(classes) or (told.classes if told else ())
    if not names:
        raise UsageError("the classes of the labels are not named", hint="use {--classes}, in order of their numbers")
    images = open_array(library, source / "images", _PIXELS, 4)
    count = images.meta.shape[0]
    labels = _codes(library, source / "labels", count, len(names))
    splits = _codes(library, source / "splits", count, len(SPLITS)) if (source / "splits").is_dir() else None
    nodata = open_array(library, source / "nodata", ("bool",), 4) if (source / "nodata").is_dir() else None
    if images.meta.shape[1] != len(bands):
        raise DataError(
            f"{source}/images has {images.meta.shape[1]} bands on its second axis, {len(bands)} are named",
            hint="images are patches x bands x height x width: name the bands with {--sensor} or {--bands}",
        )
    if nodata is not None and (nodata.meta.shape, nodata.step) != (images.meta.shape, images.step):
        raise DataError(f"{source}/nodata is no mask of images: another shape, or other chunks", hint=REMEDY)

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
                    done=row + 1,
                )

    return PatchSource(
        kind="zarr",
        path=source,
        unit="patches",
        bands=tuple(bands),
        sensor=sensor,
        classes=names,
        ordinal=told.ordinal if told else ordinal,
        splits=frozenset() if splits is None else frozenset(SPLITS[code] for code in np.unique(splits)),
        patches=patches(),
        total=count,
        place=lambda number: f"{source}: patch {number}",
        drop_zero=False,
        **kept(told),
    )


def _description(group: _Group, source: Path) -> Description | None:
    if group.attributes.raysat is None:
        return None
    return parse_description(json.dumps(group.attributes.raysat), f"{source / GROUP}: raysat")


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
