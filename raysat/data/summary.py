"""What a patch store holds, in numbers: its patches by class and split, and each band with the spread of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.bands import SENSORS, Band
from raysat.data.splits import SPLITS, Split
from raysat.data.stats import BandStats
from raysat.data.store import PatchStore

_SAMPLE: Final = 512  # patches that value ranges are taken over: read within a second, whatever the store's size


@dataclass(frozen=True, slots=True, kw_only=True)
class BandSummary:
    """One band of a store; ``ranges`` is NaN where the sampled patches hold nothing but nodata."""

    name: str
    band: Band | None  # role and wavelength, where the sensor is known
    stats: BandStats
    ranges: tuple[float, float, float, float, float]  # minimum, 2nd, 50th and 98th percentile, maximum
    nodata: int | None  # pixels; None where the store is too old to say


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSummary:
    """A store's patches and bands."""

    store: PatchStore
    counts: dict[Split, npt.NDArray[np.int64]]  # patches per class (K,), of each split that has any
    bands: tuple[BandSummary, ...]
    sampled: int  # patches, evenly spaced, that the bands' ranges are taken over


def class_counts(store: PatchStore) -> dict[Split, npt.NDArray[np.int64]]:
    """Return the patches per class (K,) of each split that has any."""
    counts = {split: store.counts(split) for split in SPLITS}
    return {split: count for split, count in counts.items() if count.any()}


def summarize(store: PatchStore) -> StoreSummary:
    """Summarise a store; value ranges are those of up to 512 patches. Raises StoreError where its files are damaged."""
    known = {band.name: band for band in SENSORS[store.sensor].bands} if store.sensor in SENSORS else {}
    rows = np.unique(np.linspace(0, len(store) - 1, min(len(store), _SAMPLE)).astype(np.int64))
    bands = tuple(
        BandSummary(
            name=name,
            band=known.get(name),
            stats=store.stats[index],
            ranges=_ranges(store.images[rows, index][~store.missing(rows, index)]),
            nodata=None if store.nodata is None else store.nodata[index],
        )
        for index, name in enumerate(store.bands)
    )
    return StoreSummary(store=store, counts=class_counts(store), bands=bands, sampled=len(rows))


def _ranges(pixels: npt.NDArray[Any]) -> tuple[float, float, float, float, float]:
    low, p2, median, p98, high = np.percentile(pixels, (0, 2, 50, 98, 100)) if pixels.size else [np.nan] * 5
    return float(low), float(p2), float(median), float(p98), float(high)
