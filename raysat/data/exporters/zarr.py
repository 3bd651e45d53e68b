"""Zarr, format 3: a group with the arrays ``images``, ``labels``, ``splits``, and ``nodata``, ``places`` where known.

    images   (N, C, H, W), its axes named; chunks of some megabytes along N, compressed with zstd
    labels   (N,) uint8; names in the attribute ``classes``
    splits   (N,) uint8; names in the attribute ``split_names``
    nodata   (N, C, H, W) bool: True where a pixel is nodata; only where one is
    places   (N, 3) float64: number of the scene, x and y of the centre in its CRS; only where all patches have one
    groups   (N,) int64: patches of a number are alike; only where the store was told so

The group's attribute ``raysat`` has what is needed to import it as it was. Any Zarr 3 reader opens it, xarray too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.exporters.base import Export
from raysat.data.splits import SPLITS
from raysat.installation import extra_module

AXES: Final = ("patch", "band", "y", "x")
CHUNK_BYTES: Final = 8 << 20  # of pixels: a chunk is read whole, and has one file
_LEVEL: Final = 3  # of zstd


def write_zarr(export: Export) -> Iterator[str]:
    """Write a store as a group of arrays. Raises InstallationError where zarr is not installed."""
    library = extra_module("zarr", extra="convert")
    store, told = export.store, export.told
    attributes = {
        "bands": list(store.bands),
        "classes": list(store.classes),
        "split_names": list(SPLITS),
        "sensor": store.sensor,
        "raysat": told.model_dump(mode="json"),
    }
    whole: dict[str, npt.NDArray[Any]] = {"labels": store.labels, "splits": store.splits}
    if store.places is not None:
        whole["places"] = store.places.table()
    if store.groups is not None:
        whole["groups"] = store.groups.codes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names and codecs that other versions of Zarr write otherwise
        group = library.create_group(store=str(export.folder), zarr_format=3, attributes=attributes)
        step = min(len(store), max(1, CHUNK_BYTES // (store.images.nbytes // len(store))))
        images = _array(library, group, "images", told.shape, np.dtype(told.dtype), step)
        nodata = _array(library, group, "nodata", told.shape, np.dtype(np.bool_), step) if told.nodata else None
        for name, values in whole.items():
            _array(library, group, name, values.shape, values.dtype, len(values))[:] = values
        rows = export.rows()
        while block := list(islice(rows, step)):
            here = slice(block[0].number, block[-1].number + 1)
            images[here] = np.stack([row.pixels for row in block])
            if nodata is not None:
                none = np.zeros(told.shape[1:], np.bool_)
                nodata[here] = np.stack([none if row.missing is None else row.missing for row in block])
    yield f"chunks of {step:,} patches"


def _array(library: Any, group: Any, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], step: int) -> Any:
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=(step, *shape[1:]),
        compressors=library.codecs.ZstdCodec(level=_LEVEL, checksum=True),
        dimension_names=("patch", "place") if name == "places" else AXES[: len(shape)],
        fill_value=0,
        config={"write_empty_chunks": True},  # so that a file that is missing is noticed
    )
