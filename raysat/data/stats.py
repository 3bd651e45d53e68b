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
_DIGIT: Final = 1 << 16  # values that are counted at a time: all of uint16, the upper or the lower half of a float32

# Patches (n, C, H, W) of one type, and where they are nodata, None standing for nowhere.
Block = tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]
Counts = npt.NDArray[np.int64]


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


def band_stats(read: Callable[[], Iterable[Block]]) -> tuple[BandStats, ...]:
    """Mean, population standard deviation and full scale of each band over the valid pixels of blocks of patches.

    Blocks are merged by Chan et al. 1979, exact where a sum of squares would cancel; blocks near 1 MB stay in cache and
    run some 10 times faster than large ones. Percentiles are exact: they come from counts of 16 bits of the values at a
    time, 0.5 MB a band for uint16 and 1.5 MB for float32, whatever the number of patches.

    Args:
        read: starts a pass over the blocks, all uint8, uint16 or float32 and free of NaN; float32 takes two passes.

    Raises:
        ValueError: there is no block, or a band without a valid pixel.
    """
    dtype: np.dtype[Any] | None = None
    size = mean = m2 = low = high = np.empty(0)
    heads = np.empty((0, _DIGIT), np.int64)
    for block, missing in read():
        if dtype is None:
            dtype, bands = block.dtype, block.shape[1]
            size, mean, m2 = np.zeros(bands), np.zeros(bands), np.zeros(bands)
            low, high = np.full(bands, np.inf), np.full(bands, -np.inf)
            heads = np.zeros((0 if dtype == np.uint8 else bands, _DIGIT), np.int64)
        for band in range(len(heads)):
            values = _valid(block, missing, band)
            heads[band] += np.bincount(_digits(values)[0], minlength=_DIGIT)
            if values.size:
                low[band], high[band] = min(low[band], values.min()), max(high[band], values.max())
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
        delta, together = block_mean - mean, np.maximum(size + added, 1)
        m2 += np.einsum("ncp,ncp->c", pixels, pixels) + delta**2 * size * added / together
        mean += delta * added / together
        size += added
    if dtype is None or not size.all():
        raise ValueError("no block to describe, or a band without a valid pixel")
    scales = [(0.0, 255.0)] * len(mean)
    if len(heads):
        inner = _percentiles(heads, read if dtype.kind == "f" else None)
        scales = [_full_scale(*row) for row in zip(*inner, low.tolist(), high.tolist(), strict=True)]
    rows = zip(mean.tolist(), np.sqrt(m2 / size).tolist(), scales, strict=True)
    return tuple(BandStats(mean=a, std=b, low=c, high=d) for a, b, (c, d) in rows)


def _full_scale(low: float, high: float, least: float, most: float) -> tuple[float, float]:
    """The percentiles, else the extremes, else (a constant band) a scale that starts at the value."""
    if low < high:
        return low, high
    return least, most if least < most else max(least + 1.0, math.nextafter(least, math.inf))


def _percentiles(heads: Counts, read: Callable[[], Iterable[Block]] | None) -> tuple[list[float], list[float]]:
    """Values with a ``_TAIL``-th of their band (rounded down) below and above them, from counts (C, 65536) of heads.

    ``read`` starts a pass for the tails of the values, where heads are not all of them.
    """
    found: list[list[float]] = [[], []]
    tails = np.zeros((len(heads), 2, _DIGIT if read else 1), np.int64)
    places = []
    for counts in heads:
        total = int(counts.sum())
        beyond = total // _TAIL
        places.append([_locate(counts, rank) for rank in (beyond, total - 1 - beyond)])
    for block, missing in read() if read else ():
        for band, ends in enumerate(places):
            head, tail = _digits(_valid(block, missing, band))
            for end, (wanted, _) in enumerate(ends):
                tails[band, end] += np.bincount(tail[head == wanted], minlength=_DIGIT)
    for ends, counted in zip(places, tails, strict=True):
        for end, (wanted, rank) in enumerate(ends):
            found[end].append(_value(wanted, _locate(counted[end], rank)[0]) if read else float(wanted))
    return found[0], found[1]


def _valid(block: npt.NDArray[Any], missing: npt.NDArray[np.bool_] | None, band: int) -> npt.NDArray[Any]:
    """The values of a band that are data."""
    return block[:, band] if missing is None else block[:, band][~missing[:, band]]


def _locate(counts: Counts, rank: int) -> tuple[int, int]:
    """Position of the bin that holds the value of a rank (from 0), and its rank in that bin."""
    upto = counts.cumsum()
    position = int(np.searchsorted(upto, rank, side="right"))
    return position, rank - int(upto[position] - counts[position])


def _digits(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Heads and tails (16 bits each) of values, flat, whose order is that of the values; uint16 is all head."""
    if values.dtype == np.uint16:
        return values.ravel(), values.ravel()[:0]
    bits = np.ascontiguousarray(values, np.float32).ravel().view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))  # IEEE 754: sign and magnitude
    return ordered >> 16, ordered & 0xFFFF


def _value(head: int, tail: int) -> float:
    """The float32 that has these digits."""
    ordered = np.uint32(head << 16 | tail)
    bits = ordered ^ np.uint32(1 << 31) if head >> 15 else ~ordered
    return float(bits.view(np.float32))
