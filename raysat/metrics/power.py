"""How many seeds a finding needs: what a paired sign-flip test can show at best, known before anything is spent.

Under the null hypothesis each of n paired differences is as likely to have either sign. Of the 2^n ways to give signs,
two (all plus, all minus) are the most extreme, so no two-sided p-value is below 2^(1-n). With more than ``MOST_EXACT``
pairs ``FLIPS`` random ways stand for all, and no p-value is below 1 / (FLIPS + 1). Holm's correction multiplies
the smallest of m by m.
"""

from __future__ import annotations

import math
from typing import Final

LEVEL: Final = 0.05  # of tests; intervals hold 1 - LEVEL
MOST_EXACT: Final = 16  # pairs whose every way to give signs is tried
FLIPS: Final = 100_000


def smallest_p(pairs: int) -> float:
    """The smallest two-sided p-value that a sign-flip test of so many pairs can give; 1 without pairs."""
    if pairs > MOST_EXACT:
        return 1 / (FLIPS + 1)
    return 2.0 ** (1 - pairs) if pairs else 1.0


def seeds_needed(comparisons: int = 1) -> int:
    """The fewest seeds with which the strongest of so many comparisons can be significant at 5 %, after Holm."""
    return 1 + math.ceil(math.log2(max(1, comparisons) / LEVEL))


def power_note(seeds: int, comparisons: int) -> str:
    """Say in one sentence what tests over so many seeds can show of so many comparisons with one arm."""
    least, one, all_ = smallest_p(seeds), seeds_needed(), seeds_needed(comparisons)
    start = f"{seeds} seed{'s' * (seeds != 1)}: the smallest p of a paired sign-flip test is {least:.3g}"
    if seeds < one:
        more = "" if comparisons < 2 else f", {all_} for the strongest of {comparisons} (Holm)"
        return f"{start}, so no difference can be significant at 5 %; {one} seeds can show one{more}"
    if seeds < all_:
        return (
            f"{start}: one comparison can be significant at 5 %, but the strongest of {comparisons} needs {all_} seeds"
        )
    return start


def name_of_test(pairs: int) -> str:
    """What the test of so many pairs is called: exact where every way to give signs is tried."""
    return "exact sign-flip test" if pairs <= MOST_EXACT else f"sign-flip test ({FLIPS:,} random ways)"
