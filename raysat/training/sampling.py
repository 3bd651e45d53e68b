"""Which training patches an epoch sees, in which order, in which batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from raysat.spec import InverseFrequencySampler, Sampler, UniformSampler

Positions = npt.NDArray[np.int64]


def epoch_order(sampler: Sampler, labels: npt.NDArray[Any], rng: np.random.Generator) -> Positions:
    """Draw the n positions (of n labels) of one epoch.

    Uniform: every patch once, shuffled. Inverse frequency: n draws with replacement, each patch with probability
    1 / (K n_c), so that every class is drawn equally often.
    """
    match sampler:
        case UniformSampler():
            return rng.permutation(len(labels))
        case InverseFrequencySampler():
            weights = 1.0 / np.bincount(labels)[labels]
            return rng.choice(len(labels), size=len(labels), p=weights / weights.sum())
        case _:
            assert_never(sampler)


def batches(order: Positions, size: int) -> list[Positions]:
    """Cut an order into batches.

    A last batch of a single patch is dropped, as batch norm has no variance to take: another patch each epoch.
    """
    cut = [order[start : start + size] for start in range(0, len(order), size)]
    return cut if len(cut[-1]) > 1 else cut[:-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One data-parallel rank's part of a batch: b patches and what each counts in the mean over the whole batch."""

    positions: Positions  # (b,) in the batch
    weighted: npt.NDArray[np.float32]  # (b,), shares of the mean weighted by class
    even: npt.NDArray[np.float32]  # (b,), shares of the plain mean


def shard(weights_B: npt.NDArray[np.float64], *, rank: int, world: int) -> Shard:
    """Take every ``world``-th patch of a batch of at least two, given the weight of each patch's class.

    Shares are multiplied by ``world``, so that the average over ranks is the whole batch's mean. A rank left with fewer
    than the two patches that batch norm needs is padded with patches that count nothing: every rank takes every step.
    """
    mine = np.arange(rank, len(weights_B), world)
    padding = np.arange(max(0, 2 - len(mine)))
    positions = np.concatenate([mine, padding])
    real = world * np.repeat([1.0, 0.0], (len(mine), len(padding)))
    return Shard(
        positions=positions,
        weighted=(real * weights_B[positions] / weights_B.sum()).astype(np.float32),
        even=(real / len(weights_B)).astype(np.float32),
    )
