"""Paired statistics: seeds and test patches are blocks that all arms share.

A contrast is a weighted sum of arms, such as one minus another. Within each seed that all of its arms have finished it
has a value d_s; the estimate is the mean of d_s over n seeds.

**Interval.** A hierarchical bootstrap, seeds x patches, with crossed blocks, as readers and cases are in multi-reader
studies (Gallas 2006): test patches are drawn anew within their class, the same for every arm and seed
(``bootstrap.py``). To resample a handful of seeds too would give intervals that are too narrow where seeds differ most,
and too wide where patches do (``benchmarks/coverage.py``), so the seeds' part is drawn from Student's t of their mean,
n - 1 degrees of freedom. What patches do to single seeds alone is already in the spread of the seeds: by the components
of variance

    A = var of the mean over seeds,  B = mean over seeds of the var of each,  over draws of patches
    patches' own part = (n A - B) / (n - 1)

the draws of patches are shrunk to their own part. The interval holds the middle 95 % of the sum of both.

**Test.** The sign-flip test over seeds (Fisher 1935): the share of all 2^n ways to give signs to d_s whose mean is as
far from 0; exact but for many pairs, where ways are drawn. Holm 1979 corrects for the comparisons of one metric.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from raysat.metrics.power import FLIPS, LEVEL, MOST_EXACT
from raysat.report.analysis.bootstrap import DRAWS, UNBOUNDED, measures, observed, resample
from raysat.report.analysis.predictions import Cells

_DUST: Final = 1e-12  # differences below it are what sums leave of zero

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
    def clear(self) -> bool:
        """Whether its interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


class Blocks:
    """All cells on all draws of patches: gives the estimate of any contrast of arms."""

    def __init__(
        self, cells: Cells, *, draws: int = DRAWS, seed: int = 0, progress: Callable[[int, int], None] | None = None
    ) -> None:
        self._seeds = cells.seeds
        self.measures = measures(cells.classes)
        self._observed = observed(cells)  # (M, C)
        self._resampled = resample(cells, draws=draws, seed=seed, progress=progress)  # (M, B, C)
        self.draws = self._resampled.shape[1]
        self._rng_seed = seed

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
        values, draws = self.contrast(weights, seeds)
        known = [m for m in range(len(self.measures)) if np.isfinite(values[m]).all()]
        low, high = interval(values[known], draws[known], seed=self._rng_seed)
        p = sign_flip(values[known])
        found = {}
        for position, m in enumerate(known):
            ends = (float(low[position]), float(high[position])) if len(seeds) > 1 else (None, None)
            if not test and ends[0] == ends[1]:  # all seeds agree on all patches: nothing tells how far that carries
                ends = (None, None)
            if not test and ends[0] is not None and ends[1] is not None:  # a mean stays where its metric does
                most = np.inf if self.measures[m] in UNBOUNDED else 1.0
                ends = (max(0.0, ends[0]), min(most, ends[1]))
            found[self.measures[m]] = Estimate(
                value=float(values[m].mean()),
                low=ends[0],
                high=ends[1],
                n=len(seeds),
                p=float(p[position]) if test else None,
            )
        return found

    def combination(self, terms: Sequence[tuple[float, str, str]]) -> Estimate | None:
        """Estimate a weighted sum of measures of arms, such as a difference of two recalls between two arms.

        Args:
            terms: weight, arm and measure of each summand.

        Returns:
            The estimate with its test; None where the arms have no seed in common, or a class no test patch.
        """
        seeds = self.seeds(*(arm for _, arm, _ in terms))
        if not seeds:
            return None
        values, draws = np.zeros(len(seeds)), np.zeros((self.draws, len(seeds)))
        for weight, arm, measure in terms:
            rows, m = [self._seeds[arm][seed] for seed in seeds], self.measures.index(measure)
            values += weight * self._observed[m, rows]
            draws += weight * self._resampled[m][:, rows]
        if not np.isfinite(values).all():
            return None
        for each in (values, draws):
            each[np.abs(each) < _DUST] = 0.0
        low, high = interval(values, draws, seed=self._rng_seed)
        ends = (float(low), float(high)) if len(seeds) > 1 else (None, None)
        return Estimate(value=float(values.mean()), low=ends[0], high=ends[1], n=len(seeds), p=float(sign_flip(values)))

    def contrast(self, weights: Mapping[str, float], seeds: Sequence[int]) -> tuple[Floats, Floats]:
        """Values of a contrast for each measure and seed: (M, S) on the patches as they are, (M, B, S) on the draws."""
        values = np.zeros((len(self.measures), len(seeds)))
        draws = np.zeros((len(self.measures), self.draws, len(seeds)))
        for arm, weight in weights.items():
            rows = [self._seeds[arm][seed] for seed in seeds]
            values += weight * self._observed[:, rows]
            draws += weight * self._resampled[:, :, rows]
        for each in (values, draws):
            each[np.abs(each) < _DUST] = 0.0  # arms that predict the same differ by nothing, not by rounding
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
    if values.shape[-1] < 2:
        nothing = np.full(values.shape[:-1], np.nan)
        return nothing, nothing
    return _middle(spread(values, draws, seed=seed))


def spread(values: Floats, draws: Floats, *, seed: int = 0) -> Floats:
    """Draws (..., B) of the mean over two seeds or more, seeds and patches being random; arguments as ``interval``."""
    n, size = values.shape[-1], draws.shape[-2]
    mean = draws.mean(axis=-1, dtype=np.float64)
    centred = mean - mean.mean(axis=-1, keepdims=True)
    together, single = np.square(centred).mean(axis=-1), draws.var(axis=-2, dtype=np.float64).mean(axis=-1)
    own = np.maximum(0, (n * together - single) / (n - 1))
    shrink = np.sqrt(np.divide(own, together, out=np.zeros_like(own), where=together > 0))
    quantiles = stdtrit(n - 1, (np.random.default_rng(seed).permutation(size) + 0.5) / size)
    error = values.std(axis=-1, ddof=1) / np.sqrt(n)
    moved: Floats = values.mean(axis=-1)[..., None] + shrink[..., None] * centred + error[..., None] * quantiles
    return moved


def _middle(draws: Floats) -> tuple[Floats, Floats]:
    low, high = np.quantile(draws, [LEVEL / 2, 1 - LEVEL / 2], axis=-1)
    return low, high


def apart(a: Blocks, b: Blocks, arm_a: str, arm_b: str) -> dict[str, Estimate]:
    """Arm of b minus arm of a, in every measure of both, where the two have nothing in common: no pairs, and no test.

    ``n`` is the smaller number of seeds. With fewer than two on either side there is no interval.
    """
    sides = []
    for blocks, arm, seed in ((a, arm_a, 1), (b, arm_b, 2)):
        seeds = blocks.seeds(arm)
        values, draws = blocks.contrast({arm: 1.0}, seeds)
        moved = spread(values, draws, seed=seed) if len(seeds) > 1 else None
        sides.append((blocks.measures, values, moved, len(seeds)))
    (names_a, values_a, moved_a, n_a), (names_b, values_b, moved_b, n_b) = sides
    found = {}
    for name in names_a:
        if name not in names_b:
            continue
        i, j = names_a.index(name), names_b.index(name)
        value = float(values_b[j].mean() - values_a[i].mean())
        if not np.isfinite(value):
            continue
        low = high = None
        if moved_a is not None and moved_b is not None:
            size = min(moved_a.shape[-1], moved_b.shape[-1])
            ends = _middle(moved_b[j, :size] - moved_a[i, :size])
            low, high = float(ends[0]), float(ends[1])
        found[name] = Estimate(value=value, low=low, high=high, n=min(n_a, n_b), p=None)
    return found


def sign_flip(differences: npt.ArrayLike) -> Floats:
    """Two-sided p of the mean of paired differences (..., S): exact up to ``MOST_EXACT`` pairs, else random signs."""
    d = np.asarray(differences, dtype=np.float64)
    sums = np.abs(d @ _signs(d.shape[-1]).T)  # (..., ways)
    limit = np.abs(d.sum(axis=-1)) - _DUST * np.maximum(1, np.abs(d).sum(axis=-1))  # rounding makes no difference
    reached = sums >= limit[..., None]
    if d.shape[-1] <= MOST_EXACT:
        return np.asarray(reached.mean(axis=-1))
    return np.asarray((1 + reached.sum(axis=-1)) / (1 + FLIPS))


@lru_cache(maxsize=4)
def _signs(pairs: int) -> Floats:
    """Ways to give signs to so many differences, a row each; the last sign stays, as p is two-sided."""
    if pairs <= MOST_EXACT:
        return 1.0 - 2.0 * (np.arange(2 ** max(0, pairs - 1))[:, None] >> np.arange(pairs) & 1)
    return np.random.default_rng(0).choice([-1.0, 1.0], (FLIPS, pairs))


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
