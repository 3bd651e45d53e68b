"""The full check of a patch store: every byte is read, and compared with what ``store.json`` says of it."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data import nodata
from raysat.data.importers.base import Progress, no_progress
from raysat.data.patch_store import PatchStore
from raysat.data.stats import BandStats, Block, band_stats
from raysat.data.store_files import GROUPS, NODATA, PLACES

_BLOCK: Final = 1 << 20  # bytes read at a time; as the writer's, so that statistics are added up in the same order
_CLOSE: Final = 1e-6  # older stores added up in another order


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreCheck:
    """What reading all of a store found; nothing is wrong with it where there is no fault."""

    patches: int
    bytes: int  # of pixels
    faults: tuple[str, ...]
    seconds: float

    def __bool__(self) -> bool:
        """Whether the store is whole."""
        return not self.faults


def verify_store(store: PatchStore, *, progress: Progress = no_progress) -> StoreCheck:
    """Read all of a store and compare it with its description: fingerprint, pixels, statistics, nodata.

    The fingerprint covers pixels, labels, splits, names of bands and classes, which pixels are nodata, and
    where patches lie.

    Args:
        store: an open store.
        progress: called with the patches read so far and in all.

    Returns:
        What was read, and what is wrong with it.

    Raises:
        StoreError: a file cannot be read.
    """
    started = time.perf_counter()
    faults = list(_faults(_Pixels(store), progress, statistics=True))
    seconds = time.perf_counter() - started
    return StoreCheck(patches=len(store), bytes=store.images.nbytes, faults=tuple(faults), seconds=seconds)


def content_faults(store: PatchStore, *, progress: Progress = no_progress) -> tuple[str, ...]:
    """As ``verify_store`` without the statistics, half of the time: what a copy is checked for.

    Args:
        store: an open store.
        progress: called with the patches read so far and in all.

    Returns:
        What is wrong with it: nothing where its content is that of its fingerprint.

    Raises:
        StoreError: a file cannot be read.
    """
    return tuple(_faults(_Pixels(store), progress, statistics=False))


class _Pixels:
    """The images of a store and where they are nodata, read in blocks."""

    def __init__(self, store: PatchStore) -> None:
        self.store = store
        has_masks = any(store.nodata or ()) or store.files.size(NODATA) is not None
        self._masks = nodata.map_masks(store.files, store.images.shape) if has_masks else None
        self._step = max(1, _BLOCK // store.images[0].nbytes)

    def blocks(self, wanted: npt.NDArray[np.bool_]) -> Iterator[tuple[npt.NDArray[np.int64], Block]]:
        """Positions of the wanted patches, some 1 MB at a time, their pixels and where these are nodata."""
        for first in range(0, len(wanted), self._step):
            rows = first + np.flatnonzero(wanted[first : first + self._step])
            if len(rows):
                packed = None if self._masks is None else self._masks[rows]
                missing = None
                if packed is not None and packed.any():
                    missing = nodata.unpack(packed, *self.store.images.shape[2:])
                yield rows, (self.store.images[rows], missing)


def _faults(pixels: _Pixels, progress: Progress, *, statistics: bool) -> Iterator[str]:
    store = pixels.store
    digest, of_nodata, counts = hashlib.sha256(), hashlib.sha256(), np.zeros(len(store.bands), np.int64)
    unknown = filled = -1  # the first patch with a value that is no number, and with nodata that is not the mean
    means = _fill_values(store)
    for rows, (block, missing) in pixels.blocks(np.ones(len(store), np.bool_)):
        if unknown < 0 and block.dtype.kind == "f":
            unknown = _first(rows, ~np.isfinite(block))
        if missing is None:
            digest.update(block.tobytes())
        else:
            counts += missing.sum(axis=(0, 2, 3))
            filled = _first(rows, missing & (block != means)) if filled < 0 else filled
            digest.update(np.where(missing, block.dtype.type(0), block).tobytes())
            _add_masks(of_nodata, rows, missing)
        progress(int(rows[-1]) + 1, len(store))
    if unknown >= 0:
        yield f"patch {unknown:,} holds NaN or infinite values"
    if filled >= 0:
        yield f"patch {filled:,} has a nodata pixel that is not its band's mean"
    if store.nodata is not None and store.nodata != tuple(counts.tolist()):
        yield f"nodata pixels of the bands are {tuple(counts.tolist())}, store.json counts {store.nodata}"
    seen = [store.bands, store.classes, store.sensor, store.images.shape, store.images.dtype.name]
    mask_digest = of_nodata.digest() if counts.any() else b""
    if store.places is None and store.files.size(PLACES) is not None:
        yield f"there is a file {PLACES}, of which store.json says nothing"
    if store.groups is None and store.files.size(GROUPS) is not None:
        yield f"there is a file {GROUPS}, of which store.json says nothing"
    for part in (store.labels.tobytes(), store.splits.tobytes(), json.dumps(seen).encode(), mask_digest):
        digest.update(part)
    if digest.hexdigest()[:32] != store.fingerprint:
        yield f"the fingerprint of its content is {digest.hexdigest()[:32]}, store.json says {store.fingerprint}"
    if statistics and unknown < 0:
        yield from _wrong_statistics(pixels)


def _wrong_statistics(pixels: _Pixels) -> Iterator[str]:
    """Statistics that are not those of the train split. Stores too old to count nodata had another scale."""
    store = pixels.store

    def read() -> Iterator[Block]:
        return (block for _, block in pixels.blocks(store.splits == 0))

    try:
        found = band_stats(read)
    except ValueError:
        yield "the train split has no valid pixel in a band"
        return
    names = ("mean", "std") if store.nodata is None else ("mean", "std", "low", "high")
    for band, said, is_ in zip(store.bands, store.stats, found, strict=True):
        for name in names:
            if not _close(getattr(said, name), getattr(is_, name), is_):
                yield f"{name} of band {band!r} is {getattr(is_, name):.6g}, store.json says {getattr(said, name):.6g}"


def _add_masks(digest: hashlib._Hash, rows: npt.NDArray[np.int64], missing: nodata.Mask) -> None:
    """Add where patches are nodata to a digest, as ``PatchAppender.append`` does."""
    for row, mask in zip(rows.tolist(), missing, strict=True):
        if mask.any():
            digest.update(row.to_bytes(8, "little") + np.packbits(mask.reshape(len(mask), -1), axis=-1).tobytes())


def _close(said: float, found: float, band: BandStats) -> bool:
    return math.isclose(said, found, rel_tol=_CLOSE, abs_tol=_CLOSE * max(band.std, abs(band.mean)))


def _fill_values(store: PatchStore) -> npt.NDArray[Any]:
    """What nodata pixels hold, (C, 1, 1): their band's mean, in the type of the images."""
    means = np.array([band.mean for band in store.stats])
    stored = np.rint(means) if store.images.dtype.kind == "u" else means
    return stored.astype(store.images.dtype)[:, None, None]


def _first(rows: npt.NDArray[np.int64], found: npt.NDArray[np.bool_]) -> int:
    """The first of these patches in which something is found, or -1."""
    where = np.flatnonzero(found.any(axis=(1, 2, 3)))
    return int(rows[where[0]]) if len(where) else -1
