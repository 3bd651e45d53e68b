"""What an arm errs under corruptions over what the baseline errs: mCE and relative mCE, with intervals.

Hendrycks & Dietterich 2019, eq. 1 and 2, against the baseline in place of AlexNet, with E = 1 - balanced accuracy,
means over the n seeds that both have under all corruptions:

    CE           sum over severities of E of the arm, over that of the baseline; mCE its mean over corruptions
    relative CE  the same of E minus E on the patches as they are

The interval is that of the ratio r = a / b of two means by the delta method (Cochran 1977, Sampling Techniques, 3rd
ed., sec. 6.3): r errs as the mean of (a_s - r b_s) / b does, where a_s and b_s are of the same seed and patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.seed_blocks import SeedBlock, common_seeds, estimates, mean_block


def mean_ratio(ours: Sequence[SeedBlock], base: Sequence[SeedBlock], *, least: float) -> Estimate | None:
    """Return the mean over corruptions of an arm's mean over the baseline's.

    Args:
        ours: one statistic of the arm, (1, S) and (1, B, S), for each corruption.
        base: the same of the baseline.
        least: what the baseline's mean must exceed under each corruption: nothing can be divided by less.

    Returns:
        The ratio; None where both share no seed, or the baseline's mean is too small.
    """
    seeds = common_seeds([*ours, *base])
    if not seeds:
        return None
    ratios = [_ratio(a.at(seeds), b.at(seeds), least) for a, b in zip(ours, base, strict=True)]
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < len(ratios):
        return None
    return estimates(mean_block(known))[0]


def at_least_zero(estimate: Estimate | None) -> Estimate | None:
    """An estimate of what cannot be negative."""
    if estimate is None or estimate.low is None:
        return estimate
    return replace(estimate, low=max(0.0, estimate.low))


def _ratio(ours: SeedBlock, base: SeedBlock, least: float) -> SeedBlock | None:
    """Numbers by seed and resample whose mean is the ratio, and errs as it does."""
    mean = float(base.values.mean())
    if mean <= least:
        return None
    ratio = float(ours.values.mean()) / mean
    return SeedBlock(
        seeds=ours.seeds,
        values=ratio + (ours.values - ratio * base.values) / mean,
        resampled=ratio + (ours.resampled - ratio * base.resampled) / mean,
    )
