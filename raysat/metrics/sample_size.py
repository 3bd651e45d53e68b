"""How many seeds it takes to find a difference of a given size, where paired differences spread as observed.

With a true mean ``difference`` and a standard deviation ``sd`` of the paired differences, Student's t of n pairs is
noncentral, with n - 1 degrees of freedom and noncentrality difference * sqrt(n) / sd (Cohen 1988). The sign-flip test
has about the same power from the number of pairs on with which it can reject at all, so both conditions count.

Scipy takes a fifth of a second to import, so that is done when it is needed; ``power.py`` has what needs none.
"""

from __future__ import annotations

import math
from typing import Final

from raysat.metrics.power import LEVEL, seeds_needed

POWER: Final = 0.8  # the chance to find a difference that is there, by which studies are planned
MOST_SEEDS: Final = 10_000  # more are not counted


def power(difference: float, sd: float, pairs: int, comparisons: int = 1) -> float:
    """Return the chance that a paired, two-sided test at 5 % finds a difference that is there.

    Args:
        difference: the true mean of the paired differences.
        sd: their standard deviation, above 0.
        pairs: how many there are; at least 2.
        comparisons: that Holm corrects for. The level is that of its first and strictest step, LEVEL / comparisons.
    """
    from scipy.special import stdtrit  # noqa: PLC0415  (as above)

    degrees, shift = pairs - 1, abs(difference) * math.sqrt(pairs) / sd
    limit = float(stdtrit(degrees, 1 - LEVEL / comparisons / 2))
    return sum(_above(limit, degrees, sign * shift) for sign in (1, -1))


def _above(limit: float, degrees: int, shift: float) -> float:
    """The chance that noncentral t exceeds a limit; scipy gives none far out in a tail, where it is 0 or 1."""
    from scipy.special import nctdtr  # noqa: PLC0415  (as above)

    below = float(nctdtr(degrees, shift, limit))
    return float(shift > limit) if math.isnan(below) else 1 - below


def seeds_to_show(difference: float, sd: float, comparisons: int = 1) -> int | None:
    """Return the fewest seeds with which a difference is found with 80 % power; None where that takes too many.

    Args:
        difference: the smallest of interest, not 0.
        sd: standard deviation of the paired differences, as observed.
        comparisons: that Holm corrects for.
    """
    low = max(2, seeds_needed(comparisons))
    if sd == 0:
        return low
    high = low
    while power(difference, sd, high, comparisons) < POWER:
        if high > MOST_SEEDS:
            return None
        low, high = high + 1, 2 * high
    while low < high:  # power grows with pairs
        middle = (low + high) // 2
        if power(difference, sd, middle, comparisons) >= POWER:
            high = middle
        else:
            low = middle + 1
    return low if low <= MOST_SEEDS else None
