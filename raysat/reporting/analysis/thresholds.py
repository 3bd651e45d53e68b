"""Above which t of the seeds a report sees a difference: what its sign-flip test and its interval ask for.

Of n paired differences that are normal over seeds, the directions of their deviations from the mean are uniform on a
sphere, and independent of mean and spread (Basu 1955). In each direction the sign-flip test rejects from some t =
mean / (sd / sqrt(n)) on, so it is a t test whose threshold is drawn anew for each study: exact for any number of pairs.
To reject on the side of the mean, at most ``ways`` of the subsets of the differences, the empty one among them,
may have a sum of 0 or less; a subset A has one where t <= -sqrt(n) * (mean over A of the deviations / sd). So the
threshold is the ``ways``-th largest of these, and infinite where ``ways`` is 0. With eight pairs and ``ways`` 1 (seven
arms after Holm) the power of Student's t would be 12 points too high.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from raysat.metrics.power import FLIPS, LEVEL, MOST_EXACT
from raysat.reporting.analysis.estimate import Floats

_FEW_WAYS: Final = 64  # with more, the threshold is within a point of power of Student's t
_MOST_DIRECTIONS: Final = 2_000
_MOST_SUMS: Final = 2**23  # of subsets, over all directions
_KEPT: Final = 50  # quantiles of the thresholds
_HERMITE: Final = 40  # nodes of normal quadrature
_PARTS: Final = 400  # equally likely ones of Student's t
_STEPS: Final = 18  # of bisection
_RATIOS: Final = np.concatenate([[0.0], np.geomspace(0.02, 50, 80)])  # patches' part over seeds' part


def ways_allowed(pairs: int, level: float) -> int:
    """How many ways to give signs, of half of all, may be as extreme as what is observed: p <= level."""
    half = 2 ** (pairs - 1) if pairs <= MOST_EXACT else (FLIPS + 1) / 2
    return int(level * half * (1 + 1e-12))


@lru_cache(maxsize=256)
def flip_thresholds(pairs: int, level: float) -> Floats:
    """Return equally likely thresholds of t, ascending, from which on the sign-flip test rejects; infinite for none.

    Args:
        pairs: n, at least 2.
        level: two-sided, after Holm.
    """
    from scipy.special import stdtrit  # noqa: PLC0415  (a fifth of a second, that most of raysat does without)

    ways = ways_allowed(pairs, level)
    if not ways:
        return np.array([np.inf])
    if pairs > MOST_EXACT:
        return np.array([stdtrit(pairs - 1, 1 - level / 2)])
    if ways >= _FEW_WAYS:
        return np.array([stdtrit(pairs - 1, 1 - ways / 2**pairs)])
    if ways == 1:  # the lowest deviation alone decides
        directions = _directions(pairs, _MOST_DIRECTIONS)
        found = -np.sqrt(pairs) * directions.min(axis=1)
    else:
        subsets = (np.arange(1, 2**pairs)[:, None] >> np.arange(pairs) & 1).astype(np.float32)
        means = subsets / subsets.sum(axis=1, keepdims=True)
        directions = _directions(pairs, min(_MOST_DIRECTIONS, _MOST_SUMS >> pairs))
        limits = -np.sqrt(pairs) * (directions.astype(np.float32) @ means.T)
        found = np.partition(limits, -ways, axis=1)[:, -ways]
    return np.asarray(np.quantile(found, (np.arange(_KEPT) + 0.5) / _KEPT), dtype=np.float64)


def _directions(pairs: int, number: int) -> Floats:
    """Deviations of n normal numbers from their mean in units of their standard deviation, (number, n)."""
    drawn = np.random.default_rng(0).normal(size=(number, pairs))
    return np.asarray((drawn - drawn.mean(axis=1, keepdims=True)) / drawn.std(axis=1, ddof=1, keepdims=True))


def interval_threshold(pairs: int, ratio: Floats) -> Floats:
    """Return how many standard errors of the seeds the mean must lie from 0 for a report's 95 % interval to exclude it.

    The interval is the middle of the sum of Student's t, of the seeds, and a normal, of the patches (``estimate.py``).

    Args:
        pairs: n, at least 2.
        ratio: (...) standard deviation of what patches add, in standard errors of the mean over seeds.
    """
    wide = np.sqrt(_seeds_alone(pairs) ** 2 + np.square(_patches_alone() * ratio))
    if not np.any(ratio):
        return np.asarray(wide)
    return np.asarray(wide * np.interp(ratio, _RATIOS, _shape(pairs)))


def _seeds_alone(pairs: int) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415  (as above)

    return float(stdtrit(pairs - 1, 1 - LEVEL / 2))


def _patches_alone() -> float:
    from scipy.special import ndtri  # noqa: PLC0415  (as above)

    return float(ndtri(1 - LEVEL / 2))


@lru_cache(maxsize=256)
def _shape(pairs: int) -> Floats:
    """The quantile of t plus ratio times a normal over the root of the sum of squares of both quantiles, by ratio."""
    from scipy.special import ndtr, stdtr, stdtrit  # noqa: PLC0415  (as above)

    of_patches, weights = np.polynomial.hermite_e.hermegauss(_HERMITE)
    weights = weights / weights.sum()
    of_seeds = stdtrit(pairs - 1, (np.arange(_PARTS) + 0.5) / _PARTS)
    wide = np.sqrt(_seeds_alone(pairs) ** 2 + np.square(_patches_alone() * _RATIOS))
    small = _RATIOS < 1  # the smaller of the two is split into parts, so that each part's distribution is smooth
    low, high = np.zeros_like(wide), 2 * wide
    for _ in range(_STEPS):
        middle = (low + high) / 2
        below = np.empty_like(middle)
        below[small] = stdtr(pairs - 1, middle[small, None] - _RATIOS[small, None] * of_patches) @ weights
        below[~small] = ndtr((middle[~small, None] - of_seeds) / _RATIOS[~small, None]).mean(axis=1)
        enough = below >= 1 - LEVEL / 2
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray((low + high) / 2 / wide)
