"""Paired statistics: seeds and test patches are blocks that all arms share.

A contrast is a weighted sum of arms, such as one minus another. Within each seed that all of its arms have finished it
has a value d_s; the estimate is the mean of d_s over n seeds.

**Interval.** A hierarchical bootstrap, seeds x patches, with crossed blocks, as readers and cases are in multi-reader
studies (Gallas 2006): test patches are drawn anew within their class, the same for every arm and seed
(``resample.py``). To resample a handful of seeds gives intervals far too narrow (of 5 seeds, some 85 % instead of 95
%), so the seeds' part is drawn from Student's t of their mean, n - 1 degrees of freedom. What patches do to single
seeds alone is already in the spread of the seeds: by the components of variance

    A = var of the mean over seeds,  B = mean over seeds of the var of each,  over draws of patches
    patches' own part = (n A - B) / (n - 1)

the draws of patches are shrunk to their own part. The interval holds the middle 95 % of the sum of both.

**Test.** The exact sign-flip test over seeds (Fisher 1935): the share of all 2^n ways to give signs to d_s whose mean
is as far from 0. Holm 1979 corrects for the number of comparisons of one metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from raysat.power import LEVEL
from raysat.report.cells import Cells
from raysat.report.resample import measures, observed, resample

MOST_EXACT: Final = 18  # pairs whose every way to give signs is tried; with more, so many are drawn
_FLIPS: Final = 100_000

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A contrast of one metric: its value, 95 % interval and tests."""

    value: float
    low: float | None  # None with fewer than two seeds
    high: float | None
    n: int  # seeds
    p: float | None  # two-sided, exact; None where nothing is tested
    p_holm: float | None = None  # None where it is not one of several comparisons

    @property
    def clear(self) -> bool:
        """Whether its interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class Blocks:
    """All cells on all draws of patches: gives the estimate of any contrast of arms."""

    def __init__(self, cells: Cells, *, draws: int = 2000, seed: int = 0, progress: Any = None) -> None:
        self._seeds = cells.seeds
        self.measures = measures(cells.classes)
        self._observed = observed(cells)  # (M, C)
        self._resampled = resample(cells, draws=draws, seed=seed, progress=progress)  # (M, B, C)
        self.draws = self._resampled.shape[1]
        self._rng_seed = seed
        self.support = np.bincount(cells.labels, minlength=cells.classes)

    def seeds(self, *arms: str) -> tuple[int, ...]:
        """Seeds that all of these arms have finished."""
        common = set.intersection(*(set(self._seeds.get(arm, {})) for arm in arms))
        return tuple(sorted(common))

    def value(self, arm: str, seed: int, measure: str) -> float:
        """What a cell reached on the patches as they are."""
        return float(self._observed[self.measures.index(measure), self._seeds[arm][seed]])

    def estimates(self, weights: Mapping[str, float], *, test: bool = True) -> dict[str, Estimate]:
        """Estimate a contrast of arms in every measure; empty where its arms have no seed in common.

        Measures of classes without test patches are left out. Without ``test`` there is no p: a mean is no difference.
        """
        seeds = self.seeds(*weights)
        if not seeds:
            return {}
        values, draws = self._contrast(weights, seeds)
        known = [m for m in range(len(self.measures)) if np.isfinite(values[m]).all()]
        low, high = interval(values[known], draws[known], seed=self._rng_seed)
        found = {}
        for position, m in enumerate(known):
            ends = (float(low[position]), float(high[position])) if len(seeds) > 1 else (None, None)
            found[self.measures[m]] = Estimate(
                value=float(values[m].mean()),
                low=ends[0],
                high=ends[1],
                n=len(seeds),
                p=sign_flip(values[m]) if test else None,
            )
        return found

    def _contrast(self, weights: Mapping[str, float], seeds: Sequence[int]) -> tuple[Floats, Floats]:
        """Values (M, S) as observed, and (M, B, S) on the draws."""
        values = np.zeros((len(self.measures), len(seeds)))
        draws = np.zeros((len(self.measures), self.draws, len(seeds)), np.float32)
        for arm, weight in weights.items():
            rows = [self._seeds[arm][seed] for seed in seeds]
            values += weight * self._observed[:, rows]
            draws += np.float32(weight) * self._resampled[:, :, rows]
        return values, draws


def interval(values: Floats, draws: Floats, *, seed: int = 0) -> tuple[Floats, Floats]:
    """The 95 % intervals of the mean over seeds, seeds and patches being random; see the head of this module.

    Args:
        values: (..., S) a statistic on the patches as they are, for each seed.
        draws: (..., B, S) the same on each draw of patches.
        seed: of the draws of the seeds' part.

    Returns:
        Lower and upper ends, each (...); NaN for fewer than two seeds.
    """
    n, size = values.shape[-1], draws.shape[-2]
    if n < 2:
        nothing = np.full(values.shape[:-1], np.nan)
        return nothing, nothing
    mean = draws.mean(axis=-1, dtype=np.float64)
    centred = mean - mean.mean(axis=-1, keepdims=True)
    together, single = np.square(centred).mean(axis=-1), draws.var(axis=-2, dtype=np.float64).mean(axis=-1)
    own = np.maximum(0, (n * together - single) / (n - 1))
    shrink = np.sqrt(np.divide(own, together, out=np.zeros_like(own), where=together > 0))
    quantiles = stdtrit(n - 1, (np.random.default_rng(seed).permutation(size) + 0.5) / size)
    spread = values.std(axis=-1, ddof=1) / np.sqrt(n)
    sums = values.mean(axis=-1)[..., None] + shrink[..., None] * centred + spread[..., None] * quantiles
    low, high = np.quantile(sums, [LEVEL / 2, 1 - LEVEL / 2], axis=-1)
    return low, high


def sign_flip(differences: npt.ArrayLike) -> float:
    """Two-sided p of the mean of paired differences (S,): exact up to ``MOST_EXACT`` pairs, else from random signs."""
    d = np.asarray(differences, dtype=np.float64)
    n = len(d)
    limit = abs(d.sum()) - 1e-12 * np.abs(d).sum()  # sums that differ by rounding alone are equal
    if n <= MOST_EXACT:
        ways = np.arange(2 ** max(0, n - 1))[:, None] >> np.arange(n) & 1  # the last sign stays: p is two-sided
        return float((np.abs((1 - 2 * ways) @ d) >= limit).mean())
    signs = np.random.default_rng(0).integers(0, 2, (_FLIPS, n), dtype=np.int8)
    return float((1 + (np.abs((1 - 2 * signs) @ d) >= limit).sum()) / (1 + _FLIPS))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down correction of p-values, in their order."""
    order = np.argsort(p, kind="stable")
    scaled = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(scaled)) if len(p) else scaled
    return [float(value) for value in adjusted]


def corrected(family: Sequence[Mapping[str, Estimate]]) -> list[dict[str, Estimate]]:
    """Give every tested estimate of a family of comparisons its p after Holm, metric by metric."""
    fresh = [dict(each) for each in family]
    for measure in dict.fromkeys(name for each in family for name in each):
        members = [(each, each[measure].p) for each in fresh if measure in each]
        tested = [(each, p) for each, p in members if p is not None]
        for (each, _), p in zip(tested, holm([p for _, p in tested]), strict=True):
            each[measure] = replace(each[measure], p_holm=p)
    return fresh
