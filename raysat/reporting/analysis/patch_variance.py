"""How recalls of two paired arms spread over test patches and seeds, and what that does to a difference of a metric.

Two arms of one seed classify the same patch: x is +1 where only the first is right, -1 where only the second is, else
0. Of equally good arms ``discordance`` = E[x^2] is its variance v. A part of it, ``persistence``, is the patch's own
and comes again with every seed; the rest is drawn anew by each. Where one arm is better both parts change, by the model
of ``probit.py``. In a class of n test patches the difference of recalls has over sets of patches, and over seeds,

    patches^2 = persistence * v * design / n
    seeds^2   = (1 - persistence) * v * design / n   +   what seeds do on patches without end

Balanced accuracy of K classes weighs each recall by 1 / K. ICV = sum of (accuracy - recall)^2 is r' Q r of the recalls
r. Of recalls that are normal with the covariance S it has the variance g' S g + 2 tr(Q S Q S), g = 2 Q r. An effect in
balanced accuracy lifts every recall by as much; one in ICV draws all recalls towards the accuracy, by the factor
sqrt(1 - effect / ICV), which leaves the accuracy as it is.

Patches of one group (scene, tile) are alike. A sum of them has the variance of ``design`` = 1 + (m - 1) * correlation
times as many independent ones, with m patches of a class in a group on average over patches (Kish 1965).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, RECALL, Metric
from raysat.reporting.analysis.estimate import Floats
from raysat.reporting.analysis.probit import Alike, PairedArms, alike, paired_arms
from raysat.reporting.analysis.sample_size import Spread

_CERTAIN = 1e-9  # recalls nearer to 1 are 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What two arms do on the patches of each class: measured in a pilot, or assumed. Sequences are by class.

    What seeds do is taken to be independent between classes.
    """

    recall: Sequence[float]  # of the baseline
    discordance: Sequence[float]  # share of patches that only one of two arms of a seed gets right
    persistence: Sequence[float]  # share of its variance that comes again with every seed
    seed_sd: Sequence[float]  # of a difference of recalls over seeds, on patches without end
    correlation: float = 0.0  # of what patches of a group do to a difference
    seeds_on: Mapping[Metric, float] = field(default_factory=dict)  # as ``seed_sd``, of a metric, where it was measured


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPatches:
    """The patches that arms are measured on. Sequences are by class."""

    __test__ = False  # no class of tests

    sizes: Sequence[int]
    in_group: Sequence[float] = ()  # patches of the class in a patch's group, on average over patches; empty: alone

    def design(self, correlation: float) -> Floats:
        """Of each class, how many times the variance of independent patches its patches have."""
        alone = np.ones(len(self.sizes))
        return alone + (np.maximum(self.in_group, 1) - 1) * correlation if self.in_group else alone


def group_sizes(labels: npt.NDArray[Any], groups: npt.NDArray[Any], classes: int) -> tuple[float, ...]:
    """Return of each class the patches of it in a patch's group, on average over its patches; 1 without any.

    Args:
        labels: (N,).
        groups: (N,) of whole numbers from 0 on.
        classes: K.
    """
    found = []
    for k in range(classes):
        counts = np.bincount(groups[labels == k])
        found.append(float(np.square(counts).sum() / counts.sum()) if counts.sum() else 1.0)
    return tuple(found)


def icv_matrix(sizes: Floats) -> Floats:
    """Q (K, K) of class sizes (K,), all above 0: ICV of recalls r is r' Q r."""
    share = sizes / sizes.sum()
    return np.asarray(len(share) * np.outer(share, share) - share[:, None] - share[None, :] + np.eye(len(share)))


def icv_of(recall: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """ICV (...) of recalls (..., K) at these class sizes (K,), all above 0, and its derivative by each (..., K)."""
    share = sizes / sizes.sum()
    below = (recall @ share)[..., None] - recall
    return np.square(below).sum(axis=-1), 2 * below.sum(axis=-1, keepdims=True) * share - 2 * below


def largest_effect(metric: Metric, behaviour: Behaviour, patches: TestPatches) -> float:
    """Return the largest improvement that there can be.

    Args:
        metric: balanced accuracy, ICV or the recall of a class.
        behaviour: of the arms.
        patches: that they are measured on.
    """
    sizes, recall = np.asarray(patches.sizes, float), np.asarray(behaviour.recall, float)
    present = sizes > 0
    if metric == ICV:
        return float(icv_of(recall[present], sizes[present])[0])
    mean = float(recall[present].mean()) if metric == BALANCED_ACCURACY else recall[_class_of(metric)]
    return max(0.0, 1 - _CERTAIN - mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedRecalls:
    """Recalls of a baseline and a better arm in the classes that have test patches, and what moves them, each (K,)."""

    metric: Metric
    sizes: Floats
    recall: Floats  # of the baseline
    better: Floats
    alike: Alike
    arms: PairedArms  # covariances on a patch
    per_patch: Floats  # variance of a mean over the class's patches, in that of one
    seeds_base: Floats  # standard deviation over seeds, on patches without end
    seeds_better: Floats
    seeds_more: float = 0.0  # the same of the difference itself, of which recalls know nothing
    weight: Floats | None  # of each recall in the metric; None of ICV

    @property
    def resampled(self) -> Floats:
        """``per_patch``, as resamples of the patches have it on average."""
        return self.per_patch * (1 - 1 / self.sizes)

    @property
    def by_seed(self) -> tuple[Floats, Floats]:
        """Variance over seeds of the recall of each arm: by what a seed does to a class, and to each of its patches."""
        found = []
        for recall, kept, seeds in (
            (self.recall, self.arms.base, self.seeds_base),
            (self.better, self.arms.better, self.seeds_better),
        ):
            own = np.square(seeds)
            found.append(np.maximum(0, recall * (1 - recall) - kept - own) * self.per_patch + own)
        return found[0], found[1]


def paired_recalls(metric: Metric, effect: float, behaviour: Behaviour, patches: TestPatches) -> PairedRecalls:
    """Return what two arms do on the classes that have test patches.

    Args:
        metric: balanced accuracy, ICV or the recall of a class.
        effect: by which one arm is truly better, from 0 to ``largest_effect``.
        behaviour: of the arms.
        patches: that they are measured on.
    """
    present = np.asarray(patches.sizes) > 0
    by_class = (patches.sizes, behaviour.recall, behaviour.discordance, behaviour.persistence, behaviour.seed_sd)
    sizes, recall, discordance, persistence, seed_sd = (np.asarray(each, float)[present] for each in by_class)
    weight, shift = _weight_and_shift(metric, effect, recall, sizes, present)
    better = np.clip(recall + shift, 0, 1)
    how = _alike(tuple(recall), tuple(discordance), tuple(persistence))
    arms = paired_arms(recall, better, how)
    seeds, more = seed_sd / math.sqrt(2), 0.0
    if (measured := behaviour.seeds_on.get(metric)) is not None:
        gradient = icv_of(recall, sizes)[1] if weight is None else weight
        usual = math.sqrt(2 * float(np.square(gradient * seeds).sum()))
        seeds, more = (seeds * measured / usual, 0.0) if usual > 0 else (seeds, measured)
    return PairedRecalls(
        metric=metric,
        sizes=sizes,
        recall=recall,
        better=better,
        alike=how,
        arms=arms,
        per_patch=patches.design(behaviour.correlation)[present] / sizes,
        seeds_base=seeds,
        seeds_better=seeds * arms.steepness,
        seeds_more=more,
        weight=weight,
    )


def spread_of(metric: Metric, effect: float, behaviour: Behaviour, patches: TestPatches) -> Spread:
    """Return how the paired difference of two arms spreads.

    Args:
        metric: balanced accuracy, ICV or the recall of a class.
        effect: by which one arm is truly better, from 0 to ``largest_effect``.
        behaviour: of the arms.
        patches: that they are measured on.
    """
    pair = paired_recalls(metric, effect, behaviour, patches)
    one, other = pair.by_seed
    base, better, across = (pair.per_patch * each for each in (pair.arms.base, pair.arms.better, pair.arms.across))
    if pair.weight is not None:
        square = np.square(pair.weight)
        seeds, of_patches = square @ (one + other), square @ np.maximum(0, base + better - 2 * across)
    else:
        (_, g), (_, h) = icv_of(pair.recall, pair.sizes), icv_of(pair.better, pair.sizes)
        q = np.square(icv_matrix(pair.sizes))
        seeds = np.square(g) @ one + np.square(h) @ other + 2 * (one @ q @ one + other @ q @ other)
        seeds += 4 * (base @ q @ one + better @ q @ other)  # what patches do to the gradients
        of_patches = np.square(g) @ base + np.square(h) @ better - 2 * (g * h) @ across
        of_patches += 2 * (base @ q @ base + better @ q @ better - 2 * across @ q @ across)
    return Spread(
        seeds=math.sqrt(max(0.0, float(seeds)) + pair.seeds_more**2), patches=math.sqrt(max(0.0, float(of_patches)))
    )


def _weight_and_shift(
    metric: Metric, effect: float, recall: Floats, sizes: Floats, present: npt.NDArray[np.bool_]
) -> tuple[Floats | None, Floats]:
    """What each class's recall weighs, None in ICV, and how far the effect moves it."""
    if metric == ICV:
        icv = float(icv_of(recall, sizes)[0])
        kept = math.sqrt(max(0.0, 1 - effect / icv)) if icv > 0 else 1.0
        return None, (kept - 1) * (recall - float(sizes @ recall / sizes.sum()))
    if metric == BALANCED_ACCURACY:
        return np.full(len(recall), 1 / len(recall)), np.full(len(recall), effect)
    alone = (np.flatnonzero(present) == _class_of(metric)).astype(float)
    return alone, effect * alone


@lru_cache(maxsize=8)  # one behaviour meets many effects
def _alike(*by_class: tuple[float, ...]) -> Alike:
    return alike(*map(np.array, by_class))


def _class_of(metric: Metric) -> int:
    if metric.name != RECALL.name or metric.class_index is None:
        raise ValueError(f"no model of the spread of {metric.label}")
    return metric.class_index
