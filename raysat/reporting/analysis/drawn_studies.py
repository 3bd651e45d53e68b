"""The power of a study that is planned, by drawn studies: recalls of two arms on sets of test patches, seed by seed.

A study draws its test patches, which move the recalls of both arms alike with every seed, and its seeds, each with
recalls of its own (normal, by ``patch_variance.py``, in steps of a patch). Its metric is computed from them and
analysed as a report does it: by the sign-flip test after Holm's first step, and by the 95 % interval, whose part of
patches is

    g' C g + 2 tr(Q C Q C)      of a weighted mean g' C g alone

with the gradients and covariances that the study itself sees, and with its skewness (Cornish & Fisher 1937). So a study
that sees a larger difference of ICV sees it spread more, as ICV is a quadratic form: with one spread for all, power
would be up to eight points off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.metrics.power import LEVEL, seeds_needed
from raysat.reporting.analysis.estimate import Floats
from raysat.reporting.analysis.patch_variance import PairedRecalls, icv_matrix, icv_of
from raysat.reporting.analysis.probit import difference_moments, paired_arms
from raysat.reporting.analysis.significance import sign_flip
from raysat.reporting.analysis.thresholds import flip_thresholds, interval_threshold

STUDIES: Final = 4_000  # drawn for one answer: its standard error is 0.8 points at most
_EXACT: Final = 12  # seeds up to which the test is made on what is drawn; of more, it is a threshold of t
_ONE_BY_ONE: Final = 40  # seeds that are drawn each; of more, their mean and its spread
_NUMBERS: Final = 1 << 22  # drawn at a time
_FEWEST: Final = 1_000  # studies, where many classes and seeds make each long
_STEP: Final = 1e-3  # of recalls, in numerical derivatives
_CORNISH: Final = (1.96**2 - 1) / 6  # by how much skewness moves the quantile of an interval's end
_SKEWEST: Final = 2.0
_NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class _Seen:
    """What drawn studies measure, each (R,): a mean over seeds and its standard error, and what moves with patches."""

    mean: Floats
    error: Floats
    recalls: tuple[Floats, Floats]  # (R, K) of each arm, on average over seeds
    gradients: tuple[Floats, Floats]  # (R, K) of the metric by them, on average over seeds
    products: tuple[Floats, Floats]  # (R, K) of gradients of two seeds, on average
    differences: Floats | None = None  # (R, S), where seeds are drawn each


def drawn_power(pair: PairedRecalls, seeds: int | None, comparisons: int = 1, *, studies: int = STUDIES) -> float:
    """Return the chance that a report sees the better arm.

    Args:
        pair: the two arms.
        seeds: of each; None for seeds without end.
        comparisons: that Holm corrects for.
        studies: to draw.
    """
    if seeds is not None and seeds < max(2, seeds_needed(comparisons)):
        return 0.0
    seen = done = 0
    for z, rng in _sets_of_patches(len(pair.sizes), min(seeds or 1, _ONE_BY_ONE), studies):
        recalls = _on_patches(pair, z)
        each = seeds is not None and seeds <= _ONE_BY_ONE
        found = _each_seed(pair, recalls, seeds or 0, rng) if each else _many_seeds(pair, recalls, seeds, rng)
        above = found.mean > _interval_limit(pair, found, seeds)
        if seeds is not None:
            above[above] = _significant(found, above, seeds, LEVEL / comparisons, rng)
        seen, done = seen + int(above.sum()), done + len(above)
    return seen / done


def _sets_of_patches(classes: int, seeds: int, studies: int) -> Iterator[tuple[Floats, np.random.Generator]]:
    """Yield normal numbers (2, R, K), each with its opposite, and a source of more, until all studies are drawn."""
    in_each = 2 * classes * seeds
    studies = min(studies, max(_FEWEST, 4 * _NUMBERS // in_each))
    at_once = max(1, min(studies, _NUMBERS // in_each) // 2)
    for number in range(math.ceil(studies / (2 * at_once))):
        rng = np.random.default_rng(number)
        half = rng.standard_normal((2, at_once, classes))
        yield np.concatenate([half, -half], axis=1), rng


def _on_patches(pair: PairedRecalls, z: Floats) -> tuple[Floats, Floats]:
    """Recalls (R, K) of both arms on drawn test patches, with seeds without end."""
    one = np.sqrt(np.maximum(0, pair.arms.base))
    along = np.divide(pair.arms.across, one, out=np.zeros_like(one), where=one > 0)
    rest = np.sqrt(np.maximum(0, pair.arms.better - np.square(along)))
    scale = np.sqrt(pair.per_patch)
    return pair.recall + scale * one * z[0], pair.better + scale * (along * z[0] + rest * z[1])


def _each_seed(pair: PairedRecalls, recalls: tuple[Floats, Floats], seeds: int, rng: np.random.Generator) -> _Seen:
    """What studies see of so many seeds."""
    values, means, gradients, products = [], [], [], []
    for recall, variance in zip(recalls, pair.by_seed, strict=True):
        rounding = 1 / (12 * np.square(pair.sizes))  # what steps add to a variance (Sheppard)
        half = rng.standard_normal((len(recall) // 2, seeds, len(pair.sizes)), dtype=np.float32)
        moved = np.concatenate([half, -half])
        moved *= (pair.sizes * np.sqrt(np.maximum(0, variance - rounding))).astype(np.float32)
        moved += (pair.sizes * recall).astype(np.float32)[:, None]
        drawn = np.clip(np.round(moved, out=moved), 0, pair.sizes.astype(np.float32), out=moved) / pair.sizes
        value, gradient = _metric(pair, drawn)
        values.append(value)
        means.append(drawn.mean(axis=1))
        gradients.append(gradient.mean(axis=1))
        products.append((seeds * np.square(gradients[-1]) - np.square(gradient).mean(axis=1)) / (seeds - 1))
    differences = values[1] - values[0]
    if pair.seeds_more:
        differences += pair.seeds_more * rng.standard_normal(differences.shape)
    return _Seen(
        mean=differences.mean(axis=1),
        error=differences.std(axis=1, ddof=1) / math.sqrt(seeds),
        recalls=(means[0], means[1]),
        gradients=(gradients[0], gradients[1]),
        products=(products[0], products[1]),
        differences=differences,
    )


def _many_seeds(
    pair: PairedRecalls, recalls: tuple[Floats, Floats], seeds: int | None, rng: np.random.Generator
) -> _Seen:
    """What studies see of very many seeds, whose mean is normal."""
    sign, mean, variance, gradients = -1, np.zeros(len(recalls[0])), np.full(len(recalls[0]), pair.seeds_more**2), []
    q = None if pair.weight is not None else icv_matrix(pair.sizes)
    for recall, by_seed in zip(recalls, pair.by_seed, strict=True):
        value, gradient = _metric(pair, recall)
        mean, variance = mean + sign * value, variance + np.square(gradient) @ by_seed
        if q is not None:  # the better arm's ICV is lower
            mean -= sign * float(np.diag(q) @ by_seed)
            variance = variance + 2 * float(by_seed @ np.square(q) @ by_seed)
        gradients.append(gradient)
        sign = 1
    error = np.zeros(len(mean))
    if seeds is not None:
        of_mean = np.sqrt(variance / seeds)
        mean = mean + of_mean * rng.standard_normal(len(mean))
        error = of_mean * np.sqrt(rng.chisquare(seeds - 1, len(mean)) / (seeds - 1))
    squares = (np.square(gradients[0]), np.square(gradients[1]))
    return _Seen(mean=mean, error=error, recalls=recalls, gradients=(gradients[0], gradients[1]), products=squares)


def _metric(pair: PairedRecalls, recall: Floats) -> tuple[Floats, Floats]:
    """The metric (...) of recalls (..., K), higher is better, and its gradient (..., K)."""
    if pair.weight is not None:
        return recall @ pair.weight, np.broadcast_to(pair.weight, recall.shape)
    icv, slope = icv_of(recall, pair.sizes)
    return -icv, -slope


def _significant(
    found: _Seen, asked: npt.NDArray[np.bool_], seeds: int, level: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which of the studies that are asked for the test finds significant."""
    if found.differences is not None and seeds <= _EXACT:
        several = np.array_split(found.differences[asked], math.ceil(len(asked) * 2 ** (seeds - 1) / _NUMBERS))
        return np.concatenate([sign_flip(some) <= level * (1 + _NOTHING) for some in several])
    mean, error, thresholds = found.mean[asked], found.error[asked], flip_thresholds(seeds, level)
    return np.asarray(mean > error * thresholds[rng.integers(len(thresholds), size=len(mean))])


def _interval_limit(pair: PairedRecalls, found: _Seen, seeds: int | None) -> Floats:
    """From which mean on the interval of a study leaves zero out, (R,)."""
    base, better, across = (pair.resampled * each for each in _covariances(pair, *found.recalls))
    g, h = found.gradients
    own = (found.products[0] * base + found.products[1] * better - 2 * g * h * across).sum(axis=1)
    if pair.weight is not None:
        skew = np.full(len(own), _skewness(pair, pair.weight, seeds))
    else:
        q = icv_matrix(pair.sizes)
        square = np.square(q)
        own += 2 * ((base @ square * base) + (better @ square * better) - 2 * (across @ square * across)).sum(axis=1)
        one, other = h * across - g * base, h * better - g * across
        third = 6 * ((one @ q * one) - (other @ q * other)).sum(axis=1)
        skew = np.clip(third / np.maximum(own, _NOTHING) ** 1.5, -_SKEWEST, _SKEWEST)
    own = np.sqrt(np.maximum(0, own))
    if seeds is None:
        return np.asarray(own * (1.96 - skew * _CORNISH))
    error = np.maximum(found.error, _NOTHING)
    ratio = own / error
    return np.asarray(error * (interval_threshold(seeds, ratio) - skew * _CORNISH * ratio**3 / (1 + ratio**2)))


def _skewness(pair: PairedRecalls, weight: Floats, seeds: int | None) -> float:
    """Of resamples of the patches, in a weighted mean of recalls: of what arms differ by on a patch, by how many."""
    variance, third = difference_moments(pair.recall, pair.better, pair.alike, seeds)
    of_mean = float((weight**2 * variance * pair.per_patch).sum())
    of_cube = float((weight**3 * third * pair.per_patch**2).sum())
    return float(np.clip(of_cube / max(of_mean, _NOTHING) ** 1.5, -_SKEWEST, _SKEWEST))


def _covariances(pair: PairedRecalls, recall: Floats, better: Floats) -> tuple[Floats, Floats, Floats]:
    """Covariances on a patch at other recalls (R, K): of the baseline, the better arm, and across."""
    up, down = (
        [
            paired_arms(pair.recall + step, pair.better, pair.alike),
            paired_arms(pair.recall, pair.better + step, pair.alike),
        ]
        for step in (_STEP, -_STEP)
    )
    moved = (recall - pair.recall, better - pair.better)

    def linear(name: str) -> Floats:
        found: Floats = getattr(pair.arms, name)
        for change, above, below in zip(moved, up, down, strict=True):
            found = found + change * (getattr(above, name) - getattr(below, name)) / (2 * _STEP)
        return found

    return np.maximum(0, linear("base")), np.maximum(0, linear("better")), linear("across")
