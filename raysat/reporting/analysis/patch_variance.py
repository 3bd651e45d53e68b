"""How a paired difference spreads over seeds and test patches, by recalls, class sizes and what arms disagree on.

Two arms of one seed classify the same patch: x is +1 where only the first is right, -1 where only the second is, else
0. In a class of n test patches with ``discordance`` = E[x^2] and a true difference of recalls d, x has the variance
v = discordance - d^2. A part of it, ``persistence``, is the patch's own and comes again with every seed; the rest is
drawn anew by each:

    patches^2 = sum over classes of w^2 * persistence * v * design / n
    seeds^2   = sum over classes of w^2 * (1 - persistence) * v * design / n   +   what seeds do on patches without end

w is what a class's recall weighs in the metric: 1 / K in balanced accuracy of K classes, 1 in its own recall, and in
ICV = sum of (accuracy - recall)^2 its derivative (the delta method), the mean of both arms'. Where arms differ in ICV
their derivatives do too, and how right both are on a patch counts as well, by the difference of the derivatives. An
effect in balanced accuracy lifts every recall by as much; one in ICV draws all recalls towards the accuracy, by the
factor sqrt(1 - effect / ICV), which leaves the accuracy as it is.

Patches of one group (scene, tile) are alike. A sum of them has the variance of ``design`` = 1 + (m - 1) * correlation
times as many independent ones, with m patches of a class in a group on average over patches (Kish 1965).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, RECALL, Metric
from raysat.reporting.analysis.estimate import Floats
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
    steadiness: float = 0.7  # share of the variance of how right both arms are that comes again with every seed
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


def icv_of(recall: Floats, sizes: Floats) -> tuple[float, Floats]:
    """ICV of recalls (K,) at these class sizes (K,), all above 0, and its derivative by each recall (K,)."""
    share = sizes / sizes.sum()
    below = float(share @ recall) - recall
    return float(np.square(below).sum()), 2 * below.sum() * share - 2 * below


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
        return icv_of(recall[present], sizes[present])[0]
    mean = float(recall[present].mean()) if metric == BALANCED_ACCURACY else recall[_class_of(metric)]
    return max(0.0, 1 - _CERTAIN - mean)


def spread_of(metric: Metric, effect: float, behaviour: Behaviour, patches: TestPatches) -> Spread:
    """Return how the paired difference of two arms spreads.

    Args:
        metric: balanced accuracy, ICV or the recall of a class.
        effect: by which one arm is truly better, from 0 to ``largest_effect``.
        behaviour: of the arms.
        patches: that they are measured on.
    """
    present = np.asarray(patches.sizes) > 0
    sizes = np.asarray(patches.sizes, float)[present]
    recall = np.asarray(behaviour.recall, float)[present]
    shift, weight, change = _weights(metric, effect, recall, sizes, present)
    better = np.clip(recall + shift, 0, 1)
    most = np.minimum(recall + better, 2 - recall - better)
    moved = np.square(better - recall)
    discordance = np.clip(np.asarray(behaviour.discordance, float)[present], np.abs(better - recall), most)
    own = np.maximum(0, discordance - moved)
    one, other = better * (1 - better), recall * (1 - recall)
    both = (2 * (one + other) - own) / 4  # variance of how right the two arms are on a patch
    persistence = np.asarray(behaviour.persistence, float)[present]
    design = patches.design(behaviour.correlation)[present] / sizes
    steady, joint = behaviour.steadiness, weight * change * (one - other)
    shared = np.sqrt(persistence * steady)  # of what both have in common
    of_patches = np.square(weight) * persistence * own + np.square(change) * steady * both + shared * joint
    by_seed = np.square(weight) * (1 - persistence) * own + np.square(change) * (1 - steady) * both
    by_seed = by_seed + (1 - shared) * joint
    if metric in behaviour.seeds_on:
        endless = behaviour.seeds_on[metric] ** 2
    else:
        sd = np.asarray(behaviour.seed_sd, float)[present]
        endless = float((np.square(sd) * (np.square(weight) + np.square(change) / 4)).sum())
    return Spread(
        seeds=math.sqrt(max(0.0, float((design * by_seed).sum())) + endless),
        patches=math.sqrt(max(0.0, float((design * of_patches).sum()))),
        step=1 / patches.sizes[metric.class_index] if metric.class_index is not None else 0.0,
    )


def _weights(
    metric: Metric, effect: float, recall: Floats, sizes: Floats, present: npt.NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """By class how far the effect moves its recall, what that weighs, and by how much that differs between arms."""
    k, nothing = len(recall), np.zeros(len(recall))
    if metric == ICV:
        icv, slope = icv_of(recall, sizes)
        kept = math.sqrt(max(0.0, 1 - effect / icv)) if icv > 0 else 1.0
        accuracy = float(sizes @ recall / sizes.sum())
        return (kept - 1) * (recall - accuracy), (1 + kept) / 2 * slope, (kept - 1) * slope
    if metric == BALANCED_ACCURACY:
        return np.full(k, effect), np.full(k, 1 / k), nothing
    alone = (np.arange(len(present)) == _class_of(metric))[present].astype(float)
    return effect * alone, alone, nothing


def _class_of(metric: Metric) -> int:
    if metric.name != RECALL.name or metric.class_index is None:
        raise ValueError(f"no model of the spread of {metric.label}")
    return metric.class_index
