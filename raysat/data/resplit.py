"""Makes stores of another one's patches with other splits: by group or by block of the Earth, with a buffer, in folds.

Images without nodata that all stay are linked and not copied; else those that stay are. What nodata pixels hold and the
statistics depend on the train split, so both are made anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data import nodata
from raysat.data.groups import Groups, joined
from raysat.data.importers.base import Progress, no_progress
from raysat.data.importers.pixels import Copies
from raysat.data.patch_store import PatchStore
from raysat.data.split_by import Division, SplitBy, divide, groups_of, space_of
from raysat.data.split_groups import DROPPED
from raysat.data.splits import SPLITS
from raysat.data.store import StoreWriter, check_target
from raysat.data.store_files import IMAGES, LocalFiles
from raysat.errors import DataError

_BLOCK: Final = 1 << 22  # bytes of patches that are read at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitStore:
    """A store that was made, and how it is divided: train, val and test."""

    store: PatchStore
    groups: tuple[int, int, int]
    dropped: tuple[int, int, int]  # patches that the buffer removed
    apart: float | None  # metres from the patch of test that is nearest to one of train; None where that is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSummary:
    """What became of a store's patches."""

    origin: PatchStore
    how: SplitBy
    groups: Groups
    joined: int  # groups that went with another, as they hold the same pixels
    made: tuple[SplitStore, ...]  # a store for each fold; else one
    seconds: float


def resplit(
    store: PatchStore,
    outs: Sequence[Path],
    how: SplitBy,
    *,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> SplitSummary:
    """Write a store's patches with other splits. Nothing is written where some of it cannot be.

    Args:
        store: whose patches.
        outs: the stores to write, folders: one for each fold, else one.
        how: by what they are split.
        overwrite: replace stores at ``outs``.
        progress: called with the patches read so far and in all; they are read twice.

    Returns:
        The stores, and how they are divided.

    Raises:
        DataError: no groups or places are known, they are too few, or the buffer empties a split; a store that cannot
            be read or written.
    """
    started = time.perf_counter()
    if store.generated:
        raise DataError(
            f"a model made the patches of {store.path}: nothing is measured on them, so they are not split",
            hint="split the store that it learned from",
        )
    for out in outs:
        check_target(out, overwrite=overwrite)
    groups, space = groups_of(store, how), space_of(store, how)
    with ExitStack() as stack:
        firsts = _firsts(store, lambda done: progress(done, 2 * len(store)))
        units = joined(groups.codes, firsts)
        divisions = divide(units, store.labels, space, how)
        writers = [
            stack.enter_context(_writer(store, out, how, fold, division, overwrite=overwrite))
            for fold, (out, division) in enumerate(zip(outs, divisions, strict=True), 1)
        ]
        for row, pixels, missing in _patches(store):
            place = None if store.places is None else store.places.of(row, store.pixel_size)
            for writer, division in zip(writers, divisions, strict=True):
                if (code := division.splits[row]) != DROPPED:
                    writer.add(pixels, int(store.labels[row]), SPLITS[code], missing, place)
            progress(len(store) + row + 1, 2 * len(store))
        made = [
            SplitStore(
                store=writer.close(groups=groups.of(division.kept)),
                groups=division.groups(groups.codes),
                dropped=division.dropped,
                apart=division.apart(space),
            )
            for writer, division in zip(writers, divisions, strict=True)
        ]
    return SplitSummary(
        origin=store,
        how=how,
        groups=groups,
        joined=len(groups) - int(units.max()) - 1,
        made=tuple(made),
        seconds=time.perf_counter() - started,
    )


def _writer(
    store: PatchStore, out: Path, how: SplitBy, fold: int, division: Division, *, overwrite: bool
) -> StoreWriter:
    whole = len(division.kept) == len(store) and not any(store.nodata or (1,))
    return StoreWriter(
        out,
        bands=store.bands,
        classes=store.classes,
        sensor=store.sensor,
        source=how.source_of(store, fold, sum(division.dropped)),
        ordinal=store.ordinal,
        overwrite=overwrite,
        same_images=store.files.place / IMAGES if whole and isinstance(store.files, LocalFiles) else None,
    )


def _patches(store: PatchStore) -> Iterator[tuple[int, npt.NDArray[Any], npt.NDArray[np.bool_] | None]]:
    """Yield the patches: position, pixels and, where it has any, nodata."""
    masks = nodata.map_masks(store.files, store.images.shape) if any(store.nodata or ()) else None
    step = max(1, _BLOCK // (store.images.nbytes // len(store)))
    for first in range(0, len(store), step):
        pixels = np.asarray(store.images[first : first + step])
        packed = None if masks is None else np.asarray(masks[first : first + step])
        for offset, patch in enumerate(pixels):
            missing = None
            if packed is not None and packed[offset].any():
                missing = nodata.unpack(packed[offset], *patch.shape[1:])
            yield first + offset, patch, missing


def _firsts(store: PatchStore, progress: Callable[[int], None]) -> npt.NDArray[np.int64]:
    """For each patch, the position of the first one with the same pixels, (N,)."""
    copies = Copies()
    for row, pixels, missing in _patches(store):
        copies.add(pixels if missing is None else np.where(missing, pixels.dtype.type(0), pixels), missing)
        progress(row + 1)
    return copies.firsts()
