"""What places do to a result: how near test patches lie to training ones, and whether neighbours err together.

The correlogram (Moran 1950; Legendre & Legendre 2012, section 13.1): for pairs of test patches by distance, the mean
product of how much more often each is taken wrong, over an arm's seeds, than its class is, over the variance of that.
With errors that know no place it is near 0; what it would then be is found by permuting patches within their class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.groups import Groups
from raysat.metrics.power import LEVEL
from raysat.reporting.analysis.clusters import clusters_of
from raysat.reporting.analysis.estimate import Floats
from raysat.reporting.analysis.predictions import TrialPredictions

_MOST: Final = 1000  # patches whose pairs are taken: of more, as many are drawn
_BINS: Final = 10
_LEAST_PAIRS: Final = 50  # in a bin
_PERMUTATIONS: Final = 199


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Near:
    """How far test patches are from the nearest training patch."""

    apart: Floats  # (N,) metres
    limit: float  # metres: nearer patches are hardly two places

    @property
    def within(self) -> int:
        """Patches nearer than the limit."""
        return int((self.apart < self.limit).sum())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Correlogram:
    """Correlation of errors of pairs of test patches, in B bins of distance."""

    arm: str
    metres: Floats  # (B,) mean distance of the pairs
    pairs: npt.NDArray[np.int64]  # (B,)
    correlation: Floats  # (B,)
    low: Floats  # (B,) of the middle 95 % of permutations
    high: Floats
    patches: int  # whose pairs were taken

    @property
    def together(self) -> bool:
        """Whether the nearest pairs err alike more than permuted ones do."""
        return bool(self.correlation[0] > self.high[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacesFound:
    """What a run knows of the places of its test patches."""

    groups: Groups | None  # of the patches
    resampled: bool  # whether intervals draw groups: there are two or more
    lone: tuple[int, ...]  # classes with patches in one group alone
    near: Near | None
    correlogram: Correlogram | None  # of the best arm


def read_near(predictions: TrialPredictions, arm: str) -> PlacesFound | None:
    """Describe the places of test patches; None where none are known.

    Args:
        predictions: of all trials.
        arm: whose errors are correlated: the best.
    """
    places = predictions.places
    rows = None if places is None else places.rows(predictions.positions)
    if places is None or rows is None:
        return None
    clusters = clusters_of(predictions.labels, predictions.groups, predictions.classes)
    return PlacesFound(
        groups=predictions.groups,
        resampled=clusters is not None,
        lone=() if clusters is None else clusters.lone,
        near=None if places.apart is None else Near(apart=places.apart[rows], limit=places.near),
        correlogram=None if places.space is None else correlogram(predictions, arm, places.space[rows]),
    )


def correlogram(predictions: TrialPredictions, arm: str, space: Floats) -> Correlogram | None:
    """Correlate an arm's errors by distance; None with too few pairs, places or errors.

    Args:
        predictions: of all trials.
        arm: its name.
        space: (N, 3) of the patches, metres.

    Returns:
        The correlation in each bin, with what permutations give.
    """
    rng = np.random.default_rng(0)
    labels, mine = predictions.labels, list(predictions.rows[arm].values())
    rows = np.arange(len(labels))
    if len(rows) > _MOST:
        rows = np.sort(rng.choice(rows, _MOST, replace=False))
    errors = (predictions.predicted[mine][:, rows] != labels[rows]).mean(axis=0)
    of_class = [np.flatnonzero(labels[rows] == k) for k in range(predictions.classes)]
    for members in of_class:
        errors[members] -= errors[members].mean() if len(members) else 0
    first, second = np.triu_indices(len(rows), 1)
    variance = float(np.square(errors).mean())
    if variance == 0 or not len(first):
        return None
    metres = np.linalg.norm(space[rows][first] - space[rows][second], axis=1)
    bins, kept = _bins(metres)
    if not kept:
        return None
    pairs = np.bincount(bins, minlength=kept + 1)[:kept]

    def correlated(values: Floats) -> npt.NDArray[Any]:
        return np.bincount(bins, values[first] * values[second], kept + 1)[:kept] / pairs / variance

    permuted = []
    for _ in range(_PERMUTATIONS):
        other = errors.copy()
        for members in of_class:
            other[members] = errors[rng.permutation(members)]
        permuted.append(correlated(other))
    low, high = np.quantile(permuted, [LEVEL / 2, 1 - LEVEL / 2], axis=0)
    return Correlogram(
        arm=arm,
        metres=np.bincount(bins, metres, kept + 1)[:kept] / pairs,
        pairs=pairs,
        correlation=correlated(errors),
        low=low,
        high=high,
        patches=len(rows),
    )


def _bins(metres: Floats) -> tuple[npt.NDArray[np.int64], int]:
    """The bin of each pair and how many bins hold enough: each twice as wide or so, up to the median distance."""
    order = np.sort(metres)
    least, most = order[min(len(order) - 1, 2 * _LEAST_PAIRS)], float(np.median(metres))
    if not 0 < least < most:
        return np.zeros(len(metres), np.int64), 0
    edges = np.geomspace(least, most, _BINS)
    counts = np.bincount(np.searchsorted(edges, metres), minlength=_BINS + 1)[:_BINS]
    edges = edges[counts >= _LEAST_PAIRS]  # a bin with few pairs joins the next one
    return np.searchsorted(edges, metres).astype(np.int64), len(edges)
