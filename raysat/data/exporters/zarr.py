"""Zarr, format 3: a group with the arrays ``images``, ``labels``, ``splits`` and, where there is any, ``nodata``.

    images   (N, C, H, W), its axes named; chunks of some megabytes along N, compressed with zstd
    labels   (N,) uint8; names in the attribute ``classes``
    splits   (N,) uint8; names in the attribute ``split_names``
    nodata   (N, C, H, W) bool: True where a pixel is nodata

The group's attribute ``raysat`` has what is needed to import it as it was. Any Zarr 3 reader opens it, xarray too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from raysat.data.exporters.description import Description
from raysat.data.exporters.image_folder import rows_of
from raysat.data.importers.base import Progress
from raysat.data.patch_store import PatchStore
from raysat.data.splits import SPLITS
from raysat.installation import extra_module

AXES: Final = ("patch", "band", "y", "x")
CHUNK_BYTES: Final = 8 << 20  # of pixels: a chunk is read whole, and has one file
_LEVEL: Final = 3  # of zstd


def write_zarr(store: PatchStore, told: Description, folder: Path, progress: Progress) -> Iterator[str]:
    """Write a store as a group of arrays.

    Args:
        store: the store.
        told: what the layout does not say, for the attribute ``raysat``.
        folder: an empty folder.
        progress: called with the patches written so far and in all.

    Yields:
        What a reader should know.

    Raises:
        InstallationError: zarr is not installed.
    """
    library = extra_module("zarr", extra="convert")
    attributes = {
        "bands": list(store.bands),
        "classes": list(store.classes),
        "split_names": list(SPLITS),
        "sensor": store.sensor,
        "raysat": told.model_dump(mode="json"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names and codecs that other versions of Zarr write otherwise
        group = library.create_group(store=str(folder), zarr_format=3, attributes=attributes)
        step = max(1, CHUNK_BYTES // (store.images.nbytes // len(store)))
        images = _array(library, group, "images", told.shape, np.dtype(told.dtype), step)
        nodata = _array(library, group, "nodata", told.shape, np.dtype(np.bool_), step) if told.nodata else None
        for name, values in (("labels", store.labels), ("splits", store.splits)):
            _array(library, group, name, values.shape, values.dtype, len(values))[:] = values
        pixels, masks = [], []
        for row, patch, missing in rows_of(store):
            pixels.append(patch)
            masks.append(np.zeros(patch.shape, np.bool_) if missing is None else missing)
            if len(pixels) == step or row + 1 == len(store):
                rows = slice(row + 1 - len(pixels), row + 1)
                images[rows] = np.stack(pixels)
                if nodata is not None:
                    nodata[rows] = np.stack(masks)
                pixels, masks = [], []
            progress(row + 1, len(store))
    yield f"chunks of {min(step, len(store)):,} patches"


def _array(library: Any, group: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], step: int) -> Any:
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=(min(step, shape[0]), *shape[1:]),
        compressors=library.codecs.ZstdCodec(level=_LEVEL, checksum=True),
        dimension_names=AXES[: len(shape)],
        fill_value=0,
        config={"write_empty_chunks": True},  # so that a file that is missing is noticed
    )
