"""What stands below every figure: what it shows, what to look for in it, of how many seeds, and with what interval."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from raysat.formatting import plural

MEANS_ONLY: Final = "Means over seeds, without intervals: the tables have those"
SUMS_ONLY: Final = "Seeds are pooled, without intervals"


def seeds_and_patches(counts: Collection[int], patches: int) -> str:
    """Return what a figure is of: ``n = 8 seeds, 49 patches``.

    Args:
        counts: of seeds, of each arm that is shown.
        patches: that they are measured on.
    """
    few, many = min(counts), max(counts)
    seeds = plural(few, "seed") if few == many else f"{few} to {many} seeds"
    return f"n = {seeds}, {patches:,} patches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """The parts of a caption, each a sentence without its full stop."""

    shows: str
    look_for: str  # after "Look for"
    n: str  # ``n = 8 seeds``
    interval: str  # what lines, bars or bands reach over, or that there is none
    notes: str = ""  # what marks mean and what is left out; whole sentences

    def __str__(self) -> str:
        """Return the caption in one paragraph."""
        return f"{self.shows}. Look for {self.look_for}. {self.n}. {self.interval}. {self.notes}".rstrip()
