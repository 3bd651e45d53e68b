"""How two arms are right on the same patches where their recalls change: a probit model of paired classifiers.

A patch is classified right where a sum of normal effects passes a threshold: of the patch, of the arm on it, of all
that is drawn anew with a seed (Roe & Metz 1997, for readers of cases). Two trials of one arm have a correlation of
these sums, two of different arms a smaller one; both stay as they are where an arm's recall moves, so covariances of
being right at any pair of recalls follow from those at equal ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from raysat.reporting.analysis.estimate import Floats

_NODES: Final = 24  # of the quadrature over the angle
_EFFECTS: Final = 64  # nodes of a normal effect on a patch
_STEPS: Final = 40  # of bisection
_CLOSEST: Final = 1 - 1e-6  # a correlation beyond it is 1
_EXTREME: Final = 1e-6  # recalls nearer to 0 or 1 have no threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """How alike trials are on a patch, by class (K,): correlations of what passes the threshold."""

    of_seeds: Floats  # of two seeds of one arm
    of_arms: Floats  # of two arms


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedArms:
    """Covariances of being right on a patch, for a baseline and a better arm, by class (K,)."""

    base: Floats  # of two seeds of the baseline
    better: Floats  # of two seeds of the better arm
    across: Floats  # of a trial of each
    steepness: Floats  # how much more the better arm's recall moves with its threshold than the baseline's


def alike(recall: Floats, discordance: Floats, persistence: Floats) -> Alike:
    """Return how alike trials are, by what is known of arms that are equally good.

    Args:
        recall: (K,) of both.
        discordance: (K,) share of patches that only one of them gets right.
        persistence: (K,) share of that which comes again with every seed.
    """
    p = np.clip(recall, _EXTREME, 1 - _EXTREME)
    alone = p * (1 - p)
    apart = np.clip(np.asarray(discordance) / 2, 0, alone)
    return Alike(
        of_seeds=_correlation(p, alone - apart + np.asarray(persistence) * apart),
        of_arms=_correlation(p, alone - apart),
    )


def paired_arms(recall: Floats, better: Floats, how: Alike) -> PairedArms:
    """Return how arms of these recalls are right together.

    Args:
        recall: (K,) of the baseline.
        better: (K,) of the other arm.
        how: alike trials are.
    """
    from scipy.special import ndtri  # noqa: PLC0415  (a fifth of a second, that most of raysat does without)

    p, q = (np.clip(each, _EXTREME, 1 - _EXTREME) for each in (recall, better))
    one, other = np.asarray(ndtri(p)), np.asarray(ndtri(q))
    return PairedArms(
        base=both_right(one, one, how.of_seeds) - p * p,
        better=both_right(other, other, how.of_seeds) - q * q,
        across=both_right(one, other, how.of_arms) - p * q,
        steepness=np.exp((one**2 - other**2) / 2),
    )


def difference_moments(recall: Floats, better: Floats, how: Alike, seeds: int | None) -> tuple[Floats, Floats]:
    """Return variance and third central moment, each (K,), of what arms differ by on a patch, on average over seeds.

    Given the effects of patch and arm, trials are right independently of each other; given that of the patch alone, so
    are arms. Over both it is a Gauss-Hermite quadrature.

    Args:
        recall: (K,) of the baseline.
        better: (K,) of the other arm.
        how: alike trials are.
        seeds: of each arm; None for seeds without end.
    """
    from scipy.special import ndtr, ndtri  # noqa: PLC0415  (a fifth of a second, that most of raysat does without)

    nodes, weights = np.polynomial.hermite_e.hermegauss(_EFFECTS)
    weights = weights / weights.sum()
    shared, kept = (np.clip(each, 0, _CLOSEST)[:, None, None] for each in (how.of_arms, how.of_seeds))
    effects = np.sqrt(shared) * nodes[:, None] + np.sqrt(np.maximum(0, kept - shared)) * nodes

    def chances(of: Floats) -> tuple[Floats, Floats, Floats]:
        """Mean, square and cube of the chance to be right, each (K, nodes), given the patch's effect."""
        threshold = np.asarray(ndtri(np.clip(of, _EXTREME, 1 - _EXTREME)))[:, None, None]
        found = np.asarray(ndtr((threshold + effects) / np.sqrt(1 - kept)))
        return found @ weights, found**2 @ weights, found**3 @ weights

    p, p2, p3 = chances(recall)
    q, q2, q3 = chances(better)
    mean = (q - p) @ weights
    square = (q2 - 2 * q * p + p2) @ weights
    cube = (q3 - 3 * q2 * p + 3 * q * p2 - p3) @ weights
    if seeds is not None:
        of_seed, with_it = (p - p2 + q - q2) @ weights, (q * (p - p2) + q2 - q3 - p2 + p3 - p * (q - q2)) @ weights
        square = square + of_seed / seeds
        cube = cube + 3 * with_it / seeds + (q - 3 * q2 + 2 * q3 - p + 3 * p2 - 2 * p3) @ weights / seeds**2
    return square - mean**2, cube - 3 * mean * square + 2 * mean**3


def both_right(one: Floats, other: Floats, correlation: Floats) -> Floats:
    """Return the chance that two standard normal numbers of this correlation lie below two thresholds, elementwise.

    Plackett 1954: it is the product of both chances and the integral of the density over the correlation, here over its
    angle by Gauss and Legendre.

    Args:
        one: the first threshold.
        other: the second.
        correlation: from 0 to 1.
    """
    from scipy.special import ndtr  # noqa: PLC0415  (as above)

    nodes, weights = _quadrature()
    end = np.arcsin(np.clip(correlation, 0, _CLOSEST))[..., None]
    sine = np.sin(end * (nodes + 1) / 2)
    h, k = np.asarray(one)[..., None], np.asarray(other)[..., None]
    density = np.exp(-((h - k) ** 2 / (1 - sine**2) + 2 * h * k / (1 + sine)) / 2)
    return np.asarray(ndtr(one) * ndtr(other) + (density * weights).sum(axis=-1) * end[..., 0] / (4 * np.pi))


@lru_cache(maxsize=1)
def _quadrature() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


def _correlation(recall: Floats, covariance: Floats) -> Floats:
    """The correlation (K,) from 0 to 1 at which being right of two equal arms has this covariance."""
    from scipy.special import ndtri  # noqa: PLC0415  (as above)

    threshold = np.asarray(ndtri(recall))
    low, high = np.zeros_like(recall), np.ones_like(recall)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        less = both_right(threshold, threshold, middle) - recall * recall < covariance
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return np.asarray((low + high) / 2)
