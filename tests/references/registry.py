"""Comparisons of methods with independent references: the authors' formula written anew, or another library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Pair = tuple[Any, Any]  # what raysat gives, and what the reference gives: arrays or tensors of one shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One member of a family beside its reference, on random inputs."""

    member: str  # such as loss.focal
    reference: str  # such as: eq. 4 in NumPy
    within: float  # what the largest difference may be
    pair: Callable[[], Pair]

    def largest_difference(self) -> float:
        """Return the largest absolute difference; raises AssertionError where shapes differ or something is NaN."""
        ours, theirs = (np.asarray(part, dtype=np.float64) for part in self.pair())
        assert ours.shape == theirs.shape, f"{self.member}: {ours.shape} beside {theirs.shape}"
        assert ours.size, f"{self.member}: nothing to compare"
        found = float(np.abs(ours - theirs).max())
        assert np.isfinite(found), f"{self.member}: a difference is {found}"
        return found


COMPARISONS: list[Comparison] = []


def compared(member: str, *, by: str, within: float) -> Callable[[Callable[[], Pair]], Callable[[], Pair]]:
    """Register a function of no arguments that returns what raysat gives and what a reference gives.

    Args:
        member: its section and kind, ``loss.focal``.
        by: the reference, in a few words.
        within: what the largest difference may be.
    """

    def register(pair: Callable[[], Pair]) -> Callable[[], Pair]:
        COMPARISONS.append(Comparison(member=member, reference=by, within=within, pair=pair))
        return pair

    return register
