"""Which differences a study can see, and with how many seeds: the power of what a report rests on.

A paired difference of two arms has one value for each of n seeds, on one set of test patches:

    d_s = difference + patches + e_s,    patches ~ N(0, patches^2),  e_s ~ N(0, seeds^2)

``patches`` is what this set of patches, of all that there could be, adds to every seed alike; ``e_s`` is what a seed
adds: its own luck, and patches that it alone gets right or wrong. A report *sees* the difference where both of its
tools do, on the right side: the sign-flip test over seeds (``significance.py``), which knows only of these patches,
is significant at 5 % after Holm, and the 95 % interval (``estimate.py``), which speaks of others too, leaves zero out.
Over studies, with u^2 drawn from chi-square / (n - 1),

    e = seeds * u / sqrt(n)                         the standard error of the seeds, as a study estimates it
    limit = e * max(threshold of the test, threshold of the interval at patches / e)    (``thresholds.py``)
    power = mean over u and thresholds of Phi((difference - limit) / sqrt(patches^2 + seeds^2 / n))

The level is LEVEL / comparisons, that of Holm's first and strictest step: what a lone effect among many must pass. More
seeds narrow the second part of the root alone: with seeds without end power is Phi(difference / patches - 1.96).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from raysat.metrics.power import LEVEL, seeds_needed
from raysat.reporting.analysis.thresholds import flip_thresholds, interval_threshold

POWER: Final = 0.8  # the chance to find a difference that is there, by which studies are planned
MOST_SEEDS: Final = 10_000  # more are not counted
_ONE_BY_ONE: Final = 24  # seeds up to which each number is tried, as the test's steps make power jump
_NODES: Final = 60  # of the spread that a study estimates


@dataclass(frozen=True, slots=True)
class Spread:
    """How a paired difference spreads."""

    seeds: float  # standard deviation over seeds, on the same patches
    patches: float = 0.0  # standard deviation over sets of test patches, of the mean over seeds without end


def power(difference: float, spread: Spread, pairs: int, comparisons: int = 1) -> float:
    """Return the chance that a report sees a difference that is there.

    Args:
        difference: the true mean of the paired differences, towards either side.
        spread: of these.
        pairs: seeds, n; fewer than two see nothing.
        comparisons: that Holm corrects for.
    """
    from scipy.special import chdtri, ndtr  # noqa: PLC0415  (a fifth of a second, that most of raysat does without)

    if pairs < max(2, seeds_needed(comparisons)):
        return 0.0
    if spread.seeds == 0:  # all seeds say the same: the test rejects any difference, patches alone make the interval
        return float(_endless(abs(difference), spread.patches))
    degrees = pairs - 1
    u = np.sqrt(chdtri(degrees, (np.arange(_NODES) + 0.5) / _NODES) / degrees)
    error = spread.seeds * u / math.sqrt(pairs)
    by_interval = interval_threshold(pairs, spread.patches / error)
    by_test = flip_thresholds(pairs, LEVEL / comparisons)
    limits = np.maximum((error * by_interval)[:, None], error[:, None] * by_test)
    return float(ndtr((abs(difference) - limits) / math.hypot(spread.patches, spread.seeds / math.sqrt(pairs))).mean())


def _endless(difference: float, patches: float) -> float:
    """The chance to see a difference with seeds without end."""
    from scipy.special import ndtr, ndtri  # noqa: PLC0415  (as above)

    if patches == 0:
        return float(difference > 0)
    return float(ndtr(difference / patches - ndtri(1 - LEVEL / 2)))


def seeds_to_show(difference: float, spread: Spread, comparisons: int = 1, *, wanted: float = POWER) -> int | None:
    """Return the fewest seeds with which a difference is seen with the wanted power; None where that takes too many.

    Args:
        difference: the smallest of interest, not 0.
        spread: of the paired differences.
        comparisons: that Holm corrects for.
        wanted: the power, below 1.
    """
    if _endless(abs(difference), spread.patches) <= wanted:  # no number of seeds makes up for too few patches
        return None
    low = max(2, seeds_needed(comparisons))
    for pairs in range(low, _ONE_BY_ONE + 1):
        if power(difference, spread, pairs, comparisons) >= wanted:
            return pairs
    low = high = max(low, _ONE_BY_ONE + 1)
    while power(difference, spread, high, comparisons) < wanted:
        if high > MOST_SEEDS:
            return None
        low, high = high + 1, 2 * high
    while low < high:  # power grows with pairs
        middle = (low + high) // 2
        if power(difference, spread, middle, comparisons) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low if low <= MOST_SEEDS else None
