"""What is checked whenever a store is opened: that its files fit together, at a cost of milliseconds.

Headers, labels and ``store.json`` are checked whole; of the images, some patches are looked at, which finds files that
were mixed up or rewritten. What a damaged disk does to the other patches, ``verify.py`` finds, which reads every byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.fields import DTYPES
from raysat.data.groups import codes_fault, groups_digest
from raysat.data.places import place_digest, table_fault
from raysat.data.remote.ranged_array import RangedArray
from raysat.data.store_files import Images
from raysat.data.store_meta import StoreMeta

_SAMPLE: Final = 64  # evenly spaced patches: at 10 ms for each on a slow disk, well below a second
_SAMPLE_BYTES: Final = 8 << 20  # that these take at most; two patches are looked at whatever their size
# Of store.json, what the checksum covers. Named, so that a field which a later raysat adds changes no checksum.
_NAMES: Final = {"bands", "sensor", "classes", "ordinal"}
# Places have a digest of their own.
_PIXELS: Final = {"generated", "shape", "dtype", "stats", "nodata", "fingerprint", "splits"}

Array = npt.NDArray[Any]


def find_fault(
    meta: StoreMeta, images: Images, labels: Array, places: Array | None = None, groups: Array | None = None
) -> str:
    """Return what does not fit together in a store, or nothing.

    Args:
        meta: its ``store.json``.
        images: mapped, (N, C, H, W).
        labels: mapped, (N,).
        places: the rows of ``places.npy``, (N, 3), where the store has some.
        groups: the content of ``groups.npy``, (N,), where the store has some.
    """
    return (
        _misfit(meta, images, labels)
        or _misplaced(meta, len(labels), places)
        or _misgrouped(meta, len(labels), groups)
        or _impossible(meta, images)
        or _changed(meta, images, labels)
    )


def checksum(meta: StoreMeta, images: Images, labels: Array) -> str:
    """Return the digest of all that is looked at on opening: description, labels, some patches; not their origin.

    Args:
        meta: the store's ``store.json``.
        images: mapped, (N, C, H, W).
        labels: mapped, (N,).
    """
    described = json.dumps(meta.model_dump(mode="json", include=_NAMES | _PIXELS), sort_keys=True)
    digest = hashlib.sha256(described.encode())
    digest.update(labels.tobytes())
    for _, patch in _sampled(images):
        digest.update(patch.data)
    return digest.hexdigest()


def _misfit(meta: StoreMeta, images: Images, labels: Array) -> str:
    """What of shapes and types differs from another file, or from what a store may hold."""
    bands, classes, splits = len(meta.bands), len(meta.classes), len(meta.splits)
    if images.ndim != 4 or labels.ndim != 1 or images.shape[1] != bands or not len(images) == len(labels) == splits:
        return f"images {images.shape}, labels {labels.shape}, {splits} splits, {bands} bands"
    if len(meta.stats) != bands or ("nodata" in meta.model_fields_set and len(meta.nodata) != bands):
        return f"statistics of {len(meta.stats)} and nodata pixels of {len(meta.nodata)} bands, {bands} bands"
    if images.dtype.name not in DTYPES or labels.dtype != np.uint8 or labels.max() >= classes:
        greatest = f"labels {labels.dtype.name} up to {labels.max()}"
        return f"images {images.dtype.name}, {greatest} for {classes} classes"
    if (meta.shape or images.shape, meta.dtype or images.dtype.name) != (images.shape, images.dtype.name):
        return f"images {images.shape} {images.dtype.name}, store.json says {meta.shape} {meta.dtype}"
    of_a_band = len(images) * images.shape[2] * images.shape[3]
    if any(count > of_a_band for count in meta.nodata):
        return f"nodata pixels {meta.nodata} in bands of {of_a_band} pixels"
    return ""


def _misplaced(meta: StoreMeta, patches: int, places: Array | None) -> str:
    """What of places differs from what ``store.json`` says of them."""
    if places is not None and (fault := table_fault(places, patches, meta.scenes)):
        return fault
    if meta.places != place_digest(meta.pixel_size, meta.scenes, places):
        return "its places were changed after the store was written (their checksum differs)"
    return ""


def _misgrouped(meta: StoreMeta, patches: int, groups: Array | None) -> str:
    """What of groups differs from what ``store.json`` says of them."""
    if groups is None or meta.grouping is None:
        return "" if meta.groups is None else "store.json has a digest of groups, and does not say what makes them"
    if fault := codes_fault(groups, patches):
        return fault
    if meta.groups != groups_digest(meta.grouping, groups):
        return "its groups were changed after the store was written (their checksum differs)"
    return ""


def _impossible(meta: StoreMeta, images: Images) -> str:
    """What no pixels of the images' type can have for statistics, and pixels that are no numbers."""
    kind = np.iinfo(images.dtype) if images.dtype.kind == "u" else np.finfo(images.dtype)
    lowest, highest = float(kind.min), float(kind.max)
    for name, band in zip(meta.bands, meta.stats, strict=True):
        # The scale of a constant band starts at its value and ends beyond it.
        within = lowest <= band.mean <= highest and band.std <= highest
        if not (within and lowest <= band.low and band.high <= highest * (1 + 1e-6) + 1):
            return f"the statistics of band {name!r} are not those of {images.dtype.name} values"
    if images.dtype.kind == "f":
        for row, patch in _sampled(images):
            if not np.isfinite(patch).all():
                return f"patch {row:,} holds NaN or infinite values"
    return ""


def _changed(meta: StoreMeta, images: Images, labels: Array) -> str:
    if meta.checksum in (None, checksum(meta, images, labels)):
        return ""
    return "a file was changed or replaced after the store was written (the checksum differs)"


def _sampled(images: Images) -> Iterator[tuple[int, Array]]:
    """The patches that are looked at and their positions, the first and the last among them."""
    count = len(images)
    looked_at = min(count, _SAMPLE, max(2, _SAMPLE_BYTES // (images.nbytes // count)))
    rows = np.unique(np.linspace(0, count - 1, looked_at).astype(np.int64))
    # Mapped ones are not copied; what lies elsewhere is read at once.
    patches = images[rows] if isinstance(images, RangedArray) else (images[row] for row in rows)
    return zip(rows.tolist(), patches, strict=True)
