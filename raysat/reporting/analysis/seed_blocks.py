"""Statistics of an arm by seed, as observed and on resamples of the patches: what intervals of their means are made of.

Blocks of several conditions, such as corruptions, can be averaged where all have the same resamples of the patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raysat.reporting.analysis.estimate import Estimate, Floats, interval
from raysat.reporting.analysis.significance import EPSILON


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeedBlock:
    """M statistics of one arm."""

    seeds: tuple[int, ...]
    values: Floats  # (M, S) on the patches as they are
    resampled: Floats  # (M, B, S)

    def at(self, seeds: Sequence[int]) -> SeedBlock:
        """The same of some of its seeds."""
        columns = [self.seeds.index(seed) for seed in seeds]
        return SeedBlock(seeds=tuple(seeds), values=self.values[..., columns], resampled=self.resampled[..., columns])


def common_seeds(blocks: Sequence[SeedBlock]) -> tuple[int, ...]:
    """Seeds that all blocks have, ascending."""
    return tuple(sorted(set.intersection(*(set(block.seeds) for block in blocks))))


def mean_block(blocks: Sequence[SeedBlock]) -> SeedBlock:
    """The mean of blocks of the same seeds and resamples."""
    return SeedBlock(
        seeds=blocks[0].seeds,
        values=np.mean([block.values for block in blocks], axis=0),
        resampled=np.mean([block.resampled for block in blocks], axis=0),
    )


def estimates(block: SeedBlock) -> list[Estimate]:
    """Each statistic's mean over seeds with its interval; none of fewer than two seeds, nor where nothing moves it."""
    low, high = interval(block.values, block.resampled)
    found = []
    for value, left, right in zip(block.values.mean(axis=-1), low, high, strict=True):
        known = len(block.seeds) > 1 and right - left > EPSILON
        found.append(
            Estimate(
                value=float(value),
                low=float(left) if known else None,
                high=float(right) if known else None,
                n=len(block.seeds),
                p=None,
            )
        )
    return found
