"""Which training patches an epoch sees, in which order, in which batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.config.draw_weights import draw_weights
from raysat.config.families.samplers import Sampler, UniformSampler
from raysat.config.milestones import sampler_at
from raysat.config.plugins.settings import SamplerSettings
from raysat.config.plugins.use import call, wrong_result
from raysat.training.augment import partners

Positions = npt.NDArray[np.int64]


def epoch_order(
    sampler: Sampler,
    labels: npt.NDArray[Any],
    counts: npt.NDArray[Any],
    rng: np.random.Generator,
    *,
    epoch: int,
    epochs: int,
) -> Positions:
    """Draw and return the n positions (of n labels) of one epoch.

    Uniform: every patch once, shuffled. The others: n draws with replacement, a patch's probability proportional to its
    class's weight (``draw_weights``). Deferred resampling (Cao et al. 2019) draws the very orders of the uniform
    sampler before its switch, so that both train alike until then.

    Args:
        sampler: which of these.
        labels: class of each training patch, shape (n,).
        counts: n_c, shape (K,): those of the labels, or of the real patches among them.
        rng: what draws.
        epoch: 0-based.
        epochs: of the training.
    """
    present, class_N = np.unique(labels, return_inverse=True)
    counts_K, counts = counts, counts[present]
    match sampler_at(sampler, epoch=epoch, epochs=epochs):
        case SamplerSettings() as own:
            return _of_plugin(own, labels, counts_K, rng, epoch=epoch, epochs=epochs)
        case UniformSampler():
            return rng.permutation(len(labels))
        case _ as weighted:
            weights_N = draw_weights(weighted, counts)[class_N]
    return rng.choice(len(labels), size=len(labels), p=weights_N / weights_N.sum())


def _of_plugin(
    sampler: SamplerSettings,
    labels: npt.NDArray[Any],
    counts: npt.NDArray[Any],
    rng: np.random.Generator,
    *,
    epoch: int,
    epochs: int,
) -> Positions:
    """The positions that a plugin draws. Raises PluginError where they are no n positions of n labels."""
    found = call(sampler, labels, counts, rng, epoch=epoch, epochs=epochs)
    count = len(labels)
    if not isinstance(found, np.ndarray) or found.shape != (count,) or found.dtype.kind not in "iu":
        what = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else f"a {type(found).__name__}"
        raise wrong_result(sampler, f"returns {what}, not as many positions as there are patches: int64 ({count},)")
    if found.min() < 0 or found.max() >= count:
        raise wrong_result(sampler, f"returns the positions {found.min()} to {found.max()} of {count} patches")
    return found.astype(np.int64)


def batches(order: Positions, size: int) -> list[Positions]:
    """Cut an order into batches.

    A last batch of a single patch is dropped, as batch norm has no variance to take: another patch each epoch.
    """
    cut = [order[start : start + size] for start in range(0, len(order), size)]
    return cut if len(cut[-1]) > 1 else cut[:-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A whole batch of B patches, before anything is drawn for it."""

    positions: Positions  # (B,) in the train split
    labels: npt.NDArray[np.uint8]  # (B,)
    size: tuple[int, int]  # height and width of a patch


class TrainSplit:
    """What batches are cut from, as far as augmentations look beyond a batch."""

    def __init__(self, labels: npt.NDArray[np.uint8], counts: npt.NDArray[np.int64], *, bands: int) -> None:
        """Take what is known of the patches.

        Args:
            labels: class of each, shape (N,).
            counts: n_c, shape (K,): those of the labels, or of the real patches among them.
            bands: of a patch.
        """
        self.labels, self.counts, self.bands = labels, counts, bands

    @cached_property
    def balanced(self) -> npt.NDArray[np.float64]:
        """What draws patches of balanced classes (``augment/partners.py``)."""
        return partners.balanced(self.labels, self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One data-parallel rank's part of a batch: b patches, and the weight of each in two means over the whole batch."""

    positions: Positions  # (b,) in the batch
    class_weights: npt.NDArray[np.float32]  # (b,), of the mean weighted by class
    mean_weights: npt.NDArray[np.float32]  # (b,), of the plain mean


def shard(weights_B: npt.NDArray[np.float64], *, rank: int, world: int) -> Shard:
    """Return every ``world``-th patch of a batch, with its weights.

    Weights are multiplied by ``world``, so that the average over ranks is the whole batch's mean. A rank left with
    fewer than the two patches that batch norm needs is padded with patches of weight zero: every rank takes every step.

    Args:
        weights_B: weight of each patch's class, of a batch of at least two.
        rank: this process's number, from 0.
        world: the number of processes.
    """
    shard_b = np.arange(rank, len(weights_B), world)
    padding = np.arange(max(0, 2 - len(shard_b)))
    positions = np.concatenate([shard_b, padding])
    real = world * np.repeat([1.0, 0.0], (len(shard_b), len(padding)))
    return Shard(
        positions=positions,
        class_weights=(real * weights_B[positions] / weights_B.sum()).astype(np.float32),
        mean_weights=(real / len(weights_B)).astype(np.float32),
    )
