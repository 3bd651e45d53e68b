"""Contrasts of arms, estimated in pairs: seeds and test patches are blocks that all arms share.

Within each seed that all arms of a contrast have finished it has a value d_s; the estimate is the mean of d_s over n
seeds, with an interval from both blocks (``estimate.py``) and a test over seeds (``significance.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from raysat.metrics.catalog import Metric
from raysat.reporting.analysis.bootstrap import N_RESAMPLES, observed, resample, resampled_metrics
from raysat.reporting.analysis.estimate import Estimate, Floats, interval, middle, spread, standard_error
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.reporting.analysis.significance import EPSILON, sign_flip

Estimates = Mapping[Metric, Estimate]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A weighted sum of arms; those whose weight is zero take no part."""

    weights: Mapping[str, float]  # arm -> weight

    @classmethod
    def mean(cls, arms: Sequence[str]) -> Contrast:
        """The mean of some arms; of one arm, itself."""
        return cls(dict.fromkeys(arms, 1.0 / len(arms)))

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that take part."""
        return tuple(self.weights)

    def __add__(self, other: Contrast) -> Contrast:
        """The sum of both; where nothing is left of it, one arm by the weight 0."""
        total = dict(self.weights)
        for arm, weight in other.weights.items():
            total[arm] = total.get(arm, 0.0) + weight
        left = {arm: weight for arm, weight in total.items() if abs(weight) > EPSILON}
        return Contrast(left or {next(iter(total)): 0.0})

    def __sub__(self, other: Contrast) -> Contrast:
        """The difference of both."""
        return self + other * -1

    def __mul__(self, factor: float) -> Contrast:
        """The contrast with every weight multiplied."""
        return Contrast({arm: factor * weight for arm, weight in self.weights.items()})


class PairedBootstrap:
    """All trials on all resamples of the patches: gives the estimate of any contrast of arms."""

    def __init__(
        self,
        predictions: TrialPredictions,
        *,
        n_resamples: int = N_RESAMPLES,
        seed: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Resample.

        Args:
            predictions: of all finished trials, for the same patches.
            n_resamples: of the patches.
            seed: of what is random.
            progress: called with resamples done and resamples in all.
        """
        self._rows = predictions.rows
        self.places = predictions.places
        self.metrics = resampled_metrics(predictions.classes)
        self._observed = observed(predictions)  # (M, T)
        self._resampled = resample(predictions, n_resamples=n_resamples, seed=seed, progress=progress)  # (M, B, T)
        _, self.n_resamples, _ = self._resampled.shape
        self._rng_seed = seed

    def has(self, *arms: str) -> bool:
        """Whether all of these arms have a finished trial."""
        return all(arm in self._rows for arm in arms)

    def seeds(self, *arms: str) -> tuple[int, ...]:
        """Seeds that all of these arms have finished."""
        common = set.intersection(*(set(self._rows.get(arm, {})) for arm in arms))
        return tuple(sorted(common))

    def observed(self, arm: str, seeds: Sequence[int], metric: Metric) -> Floats:
        """Return what an arm's trials reached on the patches as they are, (S,).

        Args:
            arm: its name.
            seeds: S that it has finished.
            metric: a resampled one.
        """
        values: Floats = self._observed[self.metrics.index(metric), self._of(arm, seeds)]
        return values

    def _of(self, arm: str, seeds: Sequence[int]) -> list[int]:
        return [self._rows[arm][seed] for seed in seeds]

    def difference(self, contrast: Contrast) -> dict[Metric, Estimate]:
        """Estimate and test a contrast of arms in every metric; empty where its arms have no seed in common.

        Metrics of classes without test patches are left out.
        """
        seeds = self.seeds(*contrast.arms)
        if not seeds:
            return {}
        values, resampled = self.blocks(contrast, seeds)
        known = [m for m, of_metric in enumerate(values) if np.isfinite(of_metric).all()]
        estimates = self._estimates(values[known], resampled[known])
        return {self.metrics[m]: estimate for m, estimate in zip(known, estimates, strict=True)}

    def standard_errors(self, contrast: Contrast) -> dict[Metric, float]:
        """The standard error of a contrast in every metric; empty where its arms have fewer than two common seeds."""
        seeds = self.seeds(*contrast.arms)
        if len(seeds) < 2:
            return {}
        values, resampled = self.blocks(contrast, seeds)
        known = [m for m, of_metric in enumerate(values) if np.isfinite(of_metric).all()]
        errors = standard_error(values[known], resampled[known])
        return {self.metrics[m]: float(error) for m, error in zip(known, errors, strict=True)}

    def mean(self, contrast: Contrast) -> dict[Metric, Estimate]:
        """Estimate a mean of arms in every metric: no difference, so without a test; its interval stays in bounds."""
        means = {}
        for metric, estimate in self.difference(contrast).items():
            low, high = estimate.low, estimate.high
            if low is None or high is None or low == high:  # all seeds agree on all patches: how far does that carry?
                low = high = None
            else:
                low, high = max(metric.bounds[0], low), min(metric.bounds[1], high)
            means[metric] = replace(estimate, low=low, high=high, p=None)
        return means

    def across_metrics(self, terms: Sequence[tuple[float, str, Metric]]) -> Estimate | None:
        """Estimate a sum of weighted metrics of arms, such as a difference of two recalls between two arms.

        None where the arms have no seed in common, or a class no test patch.
        """
        seeds = self.seeds(*(arm for _, arm, _ in terms))
        if not seeds:
            return None
        values, resampled = np.zeros(len(seeds)), np.zeros((self.n_resamples, len(seeds)))
        for weight, arm, metric in terms:
            rows, m = self._of(arm, seeds), self.metrics.index(metric)
            values += weight * self._observed[m, rows]
            resampled += weight * self._resampled.of(rows)[m]
        if not np.isfinite(values).all():
            return None
        return self._estimates(_without_rounding(values)[None], _without_rounding(resampled)[None])[0]

    def blocks(self, contrast: Contrast, seeds: Sequence[int]) -> tuple[Floats, Floats]:
        """The contrast for each metric and seed: (M, S) on the patches as they are, (M, B, S) on the resamples."""
        values = np.zeros((len(self.metrics), len(seeds)))
        resampled = np.zeros((len(self.metrics), self.n_resamples, len(seeds)))
        for arm, weight in contrast.weights.items():
            rows = self._of(arm, seeds)
            values += weight * self._observed[:, rows]
            resampled += weight * self._resampled.of(rows)
        return _without_rounding(values), _without_rounding(resampled)

    def _estimates(self, values: Floats, resampled: Floats) -> list[Estimate]:
        """Estimates of (M, S) values and their (M, B, S) resamples."""
        n = values.shape[-1]
        low, high = interval(values, resampled, seed=self._rng_seed)
        return [
            Estimate(
                value=float(values[m].mean()),
                low=float(low[m]) if n > 1 else None,
                high=float(high[m]) if n > 1 else None,
                n=n,
                p=float(p),
            )
            for m, p in enumerate(sign_flip(values))
        ]


def _without_rounding(values: Floats) -> Floats:
    """Arms that predict the same differ by nothing, not by what sums leave of it; in place."""
    values[np.abs(values) < EPSILON] = 0.0
    return values


def unpaired_difference(a: PairedBootstrap, b: PairedBootstrap, arm: str) -> dict[Metric, Estimate]:
    """Estimate an arm of b minus the same arm of a, where the two share no patches: no pairs, and no test.

    Args:
        a: one run.
        b: another run.
        arm: its name in both.

    Returns:
        Estimates in every metric of both; ``n`` is the smaller number of seeds. With fewer than two on either side
        there is no interval.
    """
    blocks = [run.blocks(Contrast.mean([arm]), run.seeds(arm)) for run in (a, b)]
    n = min(values.shape[1] for values, _ in blocks)
    draws = None
    if n > 1:  # a seed of its own for each run: their draws are independent
        draws = [spread(values, resampled, seed=seed) for seed, (values, resampled) in enumerate(blocks, start=1)]
    differences = {}
    for metric in a.metrics:
        if metric not in b.metrics:
            continue
        i, j = a.metrics.index(metric), b.metrics.index(metric)
        value = float(blocks[1][0][j].mean() - blocks[0][0][i].mean())
        if not np.isfinite(value):
            continue
        low = high = None
        if draws is not None:
            size = min(draws[0].shape[-1], draws[1].shape[-1])
            low, high = map(float, middle(draws[1][j, :size] - draws[0][i, :size]))
        differences[metric] = Estimate(value=value, low=low, high=high, n=n, p=None)
    return differences
