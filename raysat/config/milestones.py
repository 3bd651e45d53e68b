"""Milestones: which epoch a fraction of training means, and what holds there. No torch: the planner asks here too."""

from __future__ import annotations

import math
from typing import Final, assert_never

from raysat.config.families.learning import Average, Ema, NoAverage, Swa
from raysat.config.families.reweight import (
    Drw,
    EffectiveNumber,
    InfluenceBalanced,
    InverseFrequency,
    NoReweight,
    Reweight,
)
from raysat.config.families.samplers import (
    Drs,
    EffectiveNumberSampler,
    InverseFrequencySampler,
    Sampler,
    SquareRootSampler,
    UniformSampler,
)
from raysat.config.plugins.settings import AverageSettings, SamplerSettings

SteadyReweight = NoReweight | InverseFrequency | EffectiveNumber | InfluenceBalanced
SteadySampler = UniformSampler | InverseFrequencySampler | SquareRootSampler | EffectiveNumberSampler | SamplerSettings

_SWITCHED: Final = {"switch": 0.0}  # however late it was, what follows is the same
_EPSILON = 1e-9  # 0.29 * 100 is 28.999..., and means 29


def epoch_at(milestone: float, epochs: int) -> int:
    """Return the epoch (0-based) that begins at a fraction of training or, between two beginnings, contains it."""
    return math.floor(milestone * epochs + _EPSILON)


def defer_until(deferred: Drw | Drs | InfluenceBalanced, epochs: int) -> int:
    """Return the first reweighted or resampled epoch (0-based): the one in which the milestone ``switch`` falls.

    0.8 of 40 epochs is epoch index 32; a switch below 1 changes at least the last epoch, a switch of 1 none.
    """
    return epoch_at(deferred.switch, epochs)


def reweight_at(reweight: Reweight, *, epoch: int, epochs: int) -> SteadyReweight:
    """Return the reweighting that holds in an epoch: a deferred one is none, then by effective number or influence.

    Args:
        reweight: the method as configured.
        epoch: 0-based.
        epochs: of the whole training.
    """
    if not isinstance(reweight, Drw | InfluenceBalanced):
        return reweight
    if epoch < defer_until(reweight, epochs):
        return NoReweight()
    return EffectiveNumber(beta=reweight.beta) if isinstance(reweight, Drw) else reweight.model_copy(update=_SWITCHED)


def sampler_at(sampler: Sampler, *, epoch: int, epochs: int) -> SteadySampler:
    """Return the sampler that holds in an epoch: a deferred one is uniform, then by effective number.

    Args:
        sampler: the method as configured.
        epoch: 0-based.
        epochs: of the whole training.
    """
    if not isinstance(sampler, Drs):
        return sampler
    return EffectiveNumberSampler(beta=sampler.beta) if epoch >= defer_until(sampler, epochs) else UniformSampler()


def snapshot_epochs(average: Average, epochs: int) -> frozenset[int]:
    """Return after which epochs (1-based) weights enter the average; empty where no epoch's end is special.

    The milestones ``start``, ``start + every`` ... up to 1 (``every`` at least one epoch) each mean the nearest end of
    an epoch, half up, the first at the earliest. The last epoch always counts. With the defaults and 40 epochs: 10, 15
    ... 40. An exponential average takes every step, and so no epoch's end.
    """
    match average:
        case NoAverage() | Ema() | AverageSettings():  # a plugin's: see ``snapshot_weights.py``
            return frozenset()
        case Swa():
            first, stride = average.start * epochs, max(1.0, average.every * epochs)
            ends = {max(1, math.floor(first + stride * k + 0.5)) for k in range(epochs)}
            return frozenset(end for end in ends | {epochs} if end <= epochs)
        case _:
            assert_never(average)


def steps_per_epoch(patches: int, batch_size: int) -> int:
    """Return the batches of an epoch: a last one of a single patch is dropped (``sampling.batches``)."""
    return patches // batch_size + (patches % batch_size > 1)


def warmup_steps(warmup: float, steps: int) -> int:
    """Return over how many of a training's ``steps`` the learning rate warms up: the nearest number, half up."""
    return math.floor(warmup * steps + 0.5)
