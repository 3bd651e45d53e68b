"""Estimates with 95 % intervals: of a mean over seeds, where seeds and test patches are both random.

Test patches are resampled within their class, the same for every arm and seed (``bootstrap.py``): crossed blocks, as
readers and cases are in multi-reader studies (Gallas 2006). To resample a handful of seeds too would give intervals
that are too narrow where seeds differ most, and too wide where patches do (``benchmarks/coverage.py``), so the seeds'
part is drawn from Student's t of their mean, n - 1 degrees of freedom. What patches do to single seeds alone is already
in the spread of the seeds: by the components of variance

    A = var of the mean over seeds,  B = mean over seeds of the var of each,  over resamples of patches
    patches' own part = (n A - B) / (n - 1)

the resamples of patches are shrunk to their own part. The interval holds the middle 95 % of the sum of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.metrics.power import LEVEL

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A contrast of one metric: its value, 95 % interval and tests."""

    value: float
    low: float | None  # None with fewer than two seeds, and of a mean that no seed and no patch moves
    high: float | None
    n: int  # seeds
    p: float | None  # two-sided; None where nothing is tested
    p_holm: float | None = None  # None where it is not one of several comparisons

    @property
    def excludes_zero(self) -> bool:
        """Whether its interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def interval(values: Floats, resampled: Floats, *, seed: int = 0) -> tuple[Floats, Floats]:
    """Return both ends, each (...), of 95 % intervals of the mean over seeds; NaN for fewer than two.

    Args:
        values: (..., S) a statistic on the patches as they are, for each seed.
        resampled: (..., B, S) the same on each resample of the patches.
        seed: of the random order in which the seeds' part meets the patches'.
    """
    if values.shape[-1] < 2:
        unknown = np.full(values.shape[:-1], np.nan)
        return unknown, unknown
    return middle(spread(values, resampled, seed=seed))


def spread(values: Floats, resampled: Floats, *, seed: int = 0) -> Floats:
    """Return (..., B) draws of the mean over two seeds or more, seeds and patches being random.

    Args:
        values: (..., S) a statistic on the patches as they are, for each seed.
        resampled: (..., B, S) the same on each resample of the patches.
        seed: of the random order in which the seeds' part meets the patches'.
    """
    from scipy.special import stdtrit  # noqa: PLC0415  (a fifth of a second, that most leaderboards do without)

    n, n_resamples = values.shape[-1], resampled.shape[-2]
    mean = resampled.mean(axis=-1, dtype=np.float64)
    centred = mean - mean.mean(axis=-1, keepdims=True)
    of_patches, of_mean = patches_part(resampled, centred)
    shrink = np.sqrt(np.divide(of_patches, of_mean, out=np.zeros_like(of_patches), where=of_mean > 0))
    quantiles = stdtrit(n - 1, (np.random.default_rng(seed).permutation(n_resamples) + 0.5) / n_resamples)
    error = values.std(axis=-1, ddof=1) / np.sqrt(n)
    draws: Floats = values.mean(axis=-1)[..., None] + shrink[..., None] * centred + error[..., None] * quantiles
    return draws


def standard_error(values: Floats, resampled: Floats) -> Floats:
    """Return the standard error (...) of the mean over two seeds or more, seeds and patches being random.

    Args:
        values: (..., S) a statistic on the patches as they are, for each seed.
        resampled: (..., B, S) the same on each resample of the patches.
    """
    of_patches, _ = patches_part(resampled)
    error: Floats = np.sqrt(of_patches + values.var(axis=-1, ddof=1) / values.shape[-1])
    return error


def patches_part(resampled: Floats, centred: Floats | None = None) -> tuple[Floats, Floats]:
    """Return the variance that patches themselves give a mean over two seeds or more, and that of all resamples.

    Args:
        resampled: (..., B, S) a statistic on each resample of the patches, for each seed.
        centred: (..., B) its mean over seeds less that of all resamples, where it is known.

    Returns:
        Both (...): the patches' own part, and A of the head of this file.
    """
    n = resampled.shape[-1]
    if centred is None:
        mean = resampled.mean(axis=-1, dtype=np.float64)
        centred = mean - mean.mean(axis=-1, keepdims=True)
    of_mean = np.square(centred).mean(axis=-1)
    of_seeds = resampled.var(axis=-2, dtype=np.float64).mean(axis=-1)
    return np.maximum(0, (n * of_mean - of_seeds) / (n - 1)), of_mean


def middle(draws: Floats) -> tuple[Floats, Floats]:
    """The ends of the middle 95 % of draws (..., B), each (...)."""
    low, high = np.quantile(draws, [LEVEL / 2, 1 - LEVEL / 2], axis=-1)
    return low, high
