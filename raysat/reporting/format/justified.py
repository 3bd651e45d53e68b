"""How many decimals of a number its uncertainty justifies, by the rule of the Particle Data Group.

Of the uncertainty's three leading digits: 100 to 354 keep two digits of it, 355 to 949 one, 950 and more are rounded up
to 1000 and keep two. The number itself is given to the same place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Final

_TWO: Final = 354  # up to here two digits of an uncertainty are given
_ONE: Final = 949  # and up to here one; beyond it two of the next power of ten
_HALF_WIDTHS: Final = 1.959964  # standard errors in half a 95 % interval


def decimals(uncertainty: float) -> int:
    """Decimals that a standard uncertainty justifies, none of a large one; it is positive and finite."""
    exponent = math.floor(math.log10(uncertainty))
    leading = round(uncertainty / 10.0 ** (exponent - 2))
    if leading > _ONE:
        exponent, leading = exponent + 1, 100
    digits = 2 if leading <= _TWO else 1
    return max(0, digits - 1 - exponent)


def column_decimals(intervals: Sequence[tuple[float, float]], most: int) -> int:
    """Decimals for a column of estimates, the same for all, so that points stand below one another.

    Args:
        intervals: lower and upper end of 95 % intervals of its numbers; those without width know of no uncertainty.
        most: as many at most, and as many where no uncertainty is known.

    Returns:
        What the median of their standard uncertainties justifies, at least one.
    """
    errors = [(high - low) / 2 / _HALF_WIDTHS for low, high in intervals if high > low]
    return min(most, max(1, decimals(median(errors)))) if errors else most
