"""Tests of paired differences: the sign-flip test over seeds, and Holm's correction for several comparisons.

The sign-flip test (Fisher 1935): the share of all 2^n ways to give signs to n differences whose mean is as far from 0;
exact but for many pairs, where ways are drawn. Holm 1979 corrects for the comparisons of one metric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.metrics.catalog import Metric
from raysat.metrics.power import FLIPS, MOST_EXACT
from raysat.reporting.analysis.estimate import Estimate, Floats

EPSILON: Final = 1e-12  # differences below it are what sums leave of zero


def sign_flip(differences: npt.ArrayLike) -> Floats:
    """Two-sided p of the mean of paired differences (..., S): exact up to ``MOST_EXACT`` pairs, else random signs."""
    d = np.asarray(differences, dtype=np.float64)
    sums = np.abs(d @ _signs(d.shape[-1]).T)  # (..., ways)
    limit = np.abs(d.sum(axis=-1)) - EPSILON * np.maximum(1, np.abs(d).sum(axis=-1))  # rounding makes no difference
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


def corrected(family: Sequence[Mapping[Metric, Estimate]]) -> list[dict[Metric, Estimate]]:
    """Give every tested estimate of a family of comparisons its p after Holm, metric by metric."""
    comparisons = [dict(estimates) for estimates in family]
    for metric in dict.fromkeys(metric for estimates in family for metric in estimates):
        tested = [
            (estimates, estimate.p)
            for estimates in comparisons
            if (estimate := estimates.get(metric)) is not None and estimate.p is not None
        ]
        for (estimates, _), p in zip(tested, holm([p for _, p in tested]), strict=True):
            estimates[metric] = replace(estimates[metric], p_holm=p)
    return comparisons
