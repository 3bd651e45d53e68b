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

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)  # of pixels, that spectra are drawn by
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


def class_spectra(store: PatchStore, per_class: int = 64) -> npt.NDArray[np.float64]:
    """Return the spread of pixel values of each class in each band, (K, C, 5): ``QUANTILES``, without nodata.

    Args:
        store: the store.
        per_class: patches of a class that are read at most, evenly spaced among them.

    Returns:
        The quantiles; NaN of a class without patches, or where these hold nothing but nodata.

    Raises:
        StoreError: the store's files are damaged.
    """
    spectra = np.full((len(store.classes), len(store.bands), len(QUANTILES)), np.nan)
    for label in range(len(store.classes)):
        rows = rows_of_class(store, label, per_class)
        for band in range(len(store.bands)) if len(rows) else ():
            pixels = store.images[rows, band][~store.missing(rows, band)]
            if pixels.size:
                spectra[label, band] = np.quantile(pixels, QUANTILES)
    return spectra


def rows_of_class(store: PatchStore, label: int, most: int) -> npt.NDArray[np.int64]:
    """Positions of some patches of a class, evenly spaced among them, ascending.

    Args:
        store: the store.
        label: the class.
        most: positions to return, at most.
    """
    rows = np.flatnonzero(store.labels == label)
    return rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)] if len(rows) > most else rows


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
