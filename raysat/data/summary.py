"""What a patch store holds, in numbers: its patches by class and split, and each band with the spread of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.data.sensors import SENSORS, Band
from raysat.data.splits import SPLITS
from raysat.data.stats import BandStats
from raysat.data.store import PatchStore

SAMPLE: Final = 512  # evenly spaced patches that value ranges are taken over: read within a second in any store


@dataclass(frozen=True, slots=True, kw_only=True)
class BandSummary:
    """One band of a store; ``ranges`` is NaN where the sampled patches hold nothing but nodata."""

    name: str
    band: Band | None  # role and wavelength, where the sensor is known
    stats: BandStats
    ranges: tuple[float, ...]  # minimum, 2nd, 50th and 98th percentile, maximum
    nodata: int  # pixels; 0 where the store is too old to say


def class_counts(store: PatchStore) -> dict[str, npt.NDArray[np.int64]]:
    """Return the patches per class (K,) of each split that has any, and of ``all``."""
    counts: dict[str, npt.NDArray[np.int64]] = {split: store.counts(split) for split in SPLITS}
    counts["all"] = np.bincount(store.labels, minlength=len(store.classes))
    return {split: count for split, count in counts.items() if count.any()}


def summarize_bands(store: PatchStore) -> tuple[BandSummary, ...]:
    """Summarise bands, value ranges over ``SAMPLE`` patches. Raises StoreError where the store's files are damaged."""
    known = {band.name: band for band in SENSORS[store.sensor].bands} if store.sensor in SENSORS else {}
    rows = np.unique(np.linspace(0, len(store) - 1, min(len(store), SAMPLE)).astype(np.int64))
    summaries = []
    for index, (name, stats) in enumerate(zip(store.bands, store.stats, strict=True)):
        pixels = store.images[rows, index][~store.missing(rows, index)]
        ranges = np.percentile(pixels, (0, 2, 50, 98, 100)) if pixels.size else np.full(5, np.nan)
        nodata = store.nodata[index] if store.nodata else 0
        summaries.append(
            BandSummary(name=name, band=known.get(name), stats=stats, ranges=tuple(ranges.tolist()), nodata=nodata)
        )
    return tuple(summaries)
