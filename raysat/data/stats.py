"""Per-band statistics of patches, in flat memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# Of so many values of a band, one may lie beyond each end of its full scale. A stray cloud or glint no longer sets the
# scale; and as so few are cut off, a class of 1 % of the pixels keeps nine tenths of them on it, even where they are
# the brightest of all. The usual 2 % stretch would lose that whole class.
_TAIL: Final = 1000
_LEVELS: Final = 1 << 16  # of uint16
# Values of a float32 band that its percentiles are taken from, 16 MB: the largest prime under 2^22, so that evenly
# spaced values fall in step with no patch's rows.
_SAMPLE: Final = 4_194_301

# Patches (n, C, H, W) of one type, and where they are nodata, None standing for nowhere.
Block = tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]
Scale = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandStats:
    """Statistics of one band over the train split without its nodata pixels, in the store's own units.

    ``low`` < ``high`` is the full scale that image operations work on: 0 and 255 of uint8, the 0.1 and 99.9 percentiles
    of wider types. Values may lie outside it; the true extremes stay with the pixels.
    """

    mean: float
    std: float
    low: float
    high: float

    @property
    def spread(self) -> float:
        """What values are divided by to have unit deviation: one for a constant band."""
        return self.std if self.std > 1e-6 * abs(self.mean) else 1.0  # of a float band it is the mean's rounding, not 0


def band_stats(read: Callable[[], Iterable[Block]]) -> tuple[BandStats, ...]:
    """Mean, population standard deviation and full scale of each band over the valid pixels of blocks of patches.

    Blocks are merged by Chan et al. 1979, exact where a sum of squares would cancel; blocks near 1 MB stay in cache and
    run some 10 times faster than large ones. Percentiles of uint16 are exact, from counts of the values; those of
    float32 are of 4.2 million evenly spaced values of a band, exact where it has no more. Memory stays flat.

    Args:
        read: starts a pass over the blocks, all uint8, uint16 or float32 and free of NaN; all but uint8 take two.

    Raises:
        ValueError: there is no block, or a band without a valid pixel.
    """
    dtype: np.dtype[Any] | None = None
    size = mean = m2 = np.empty(0)
    for block, missing in read():
        if dtype is None:
            dtype, bands = block.dtype, block.shape[1]
            size, mean, m2 = np.zeros(bands), np.zeros(bands), np.zeros(bands)
        pixels = block.reshape(len(block), len(mean), -1).astype(np.float64)
        added = np.full(len(mean), float(pixels.shape[0] * pixels.shape[2]))
        if missing is not None:
            valid = ~missing.reshape(pixels.shape)
            added = valid.sum(axis=2).sum(axis=0).astype(np.float64)
            pixels *= valid
        block_mean = pixels.sum(axis=(0, 2)) / np.maximum(added, 1)
        pixels -= block_mean[:, None]
        if missing is not None:
            pixels *= valid
        delta, total = block_mean - mean, np.maximum(size + added, 1)
        m2 += np.einsum("ncp,ncp->c", pixels, pixels) + delta**2 * size * added / total
        mean += delta * added / total
        size += added
    if dtype is None or not size.all():
        raise ValueError("no block to describe, or a band without a valid pixel")
    scales = [(0.0, 255.0)] * len(mean) if dtype == np.uint8 else _full_scales(read(), size.astype(np.int64), dtype)
    rows = zip(mean.tolist(), np.sqrt(m2 / size).tolist(), scales, strict=True)
    return tuple(BandStats(mean=a, std=b, low=c, high=d) for a, b, (c, d) in rows)


def _full_scales(blocks: Iterable[Block], sizes: npt.NDArray[np.int64], dtype: np.dtype[Any]) -> list[Scale]:
    """The full scale of each uint16 or float32 band, from the values at some ranks of its so many valid ones."""
    counts = np.zeros((len(sizes) if dtype == np.uint16 else 0, _LEVELS), np.int64)
    samples: list[list[npt.NDArray[Any]]] = [[] for _ in sizes]
    seen = np.zeros_like(sizes)
    for block, missing in blocks:
        for band, size in enumerate(sizes):
            values = block[:, band].ravel() if missing is None else block[:, band][~missing[:, band]]
            if len(counts):
                counts[band] += np.bincount(values, minlength=_LEVELS)
            else:
                samples[band].append(values[_evenly_spaced(seen[band], len(values), size)])
                seen[band] += len(values)
    if len(counts):
        return [_full_scale(np.searchsorted(levels.cumsum(), _ranks(levels.sum()), side="right")) for levels in counts]
    ordered = (np.sort(np.concatenate(parts)) for parts in samples)
    return [_full_scale(values[_ranks(len(values))]) for values in ordered]


def _evenly_spaced(first: int, count: int, size: int) -> npt.NDArray[np.int64]:
    """Which of ``count`` values, numbers ``first`` and on of ``size``, are among ``_SAMPLE`` evenly spaced ones."""
    kept = min(size, _SAMPLE)
    begin, end = (-(-position * kept // size) for position in (first, first + count))
    return np.arange(begin, end) * size // kept - first


def _ranks(size: int) -> list[int]:
    """Where the least, the low, the high and the greatest value stand among so many in order."""
    beyond = int(size) // _TAIL
    return [0, beyond, int(size) - 1 - beyond, int(size) - 1]


def _full_scale(ends: npt.NDArray[Any]) -> Scale:
    """The percentiles, else the extremes, else (a constant band) a scale that starts at the value."""
    least, low, high, greatest = map(float, ends)
    if low < high:
        return low, high
    return least, greatest if least < greatest else max(least + 1.0, math.nextafter(least, math.inf))
