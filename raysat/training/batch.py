"""Batches of training: patches of the train split, augmented and normalised.

Every random number is drawn for the whole batch before a worker takes its shard of it, so that how many workers share a
batch changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import torch
from torch import Tensor

from raysat.config.families.images import Augment, AugMix, Dihedral, MixUp, NoAugment
from raysat.training.augment import augmix, dihedral, mixup
from raysat.training.patches import Patches, Scale
from raysat.training.sampling import Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One worker's shard of a batch, as the network sees it."""

    views: Tensor  # (V, b, C, H, W), normalised; the supervised one first, then those that shall agree with it
    pairs: mixup.Pairs | None = None  # of the whole batch, where patches are mixed


def make_batch(
    augment: Augment,
    patches: Patches,
    scale: Scale,
    positions_B: Positions,
    shard_b: Positions,
    rng: np.random.Generator,
) -> Batch:
    """Return the views of a worker's shard of a batch and, with mixup, the batch's pairs.

    AugMix stays within each band's full scale; everything else keeps every value, as in evaluation.

    Args:
        augment: how patches are augmented.
        patches: the train split.
        scale: of the store's bands.
        positions_B: the batch's patches, in the split.
        shard_b: the worker's part, positions in the batch.
        rng: what draws; as much from it on every worker.
    """
    match augment:
        case NoAugment():
            return Batch(views=scale.normalise(patches.take(positions_B[shard_b]))[None])
        case Dihedral():
            taken_BCHW = patches.take(positions_B[shard_b])
            drawn = dihedral.draw(len(positions_B), rng, square=taken_BCHW.shape[2] == taken_BCHW.shape[3])
            return Batch(views=scale.normalise(dihedral.transform(taken_BCHW, drawn[shard_b]))[None])
        case AugMix():
            taken_BCHW = patches.take(positions_B[shard_b])
            chains = augmix.draw(augment, len(positions_B), rng).take(shard_b)
            mixed_VBCHW = augmix.augmented_views(scale.to_unit(taken_BCHW), chains)
            views_VBCHW = scale.normalise(scale.from_unit(mixed_VBCHW))
            if augment.jsd:
                views_VBCHW = torch.cat((scale.normalise(taken_BCHW)[None], views_VBCHW))
            return Batch(views=views_VBCHW)
        case MixUp():
            pairs = mixup.draw(augment, len(positions_B), rng)
            # A partner may lie in another worker's shard; one in our own is not read twice.
            needed, where = np.unique(np.concatenate((shard_b, pairs.partners[shard_b])), return_inverse=True)
            normal_BCHW = scale.normalise(patches.take(positions_B[needed]))
            index = torch.from_numpy(where).to(normal_BCHW.device, non_blocking=True)
            own_BCHW, partner_BCHW = normal_BCHW[index].chunk(2)
            return Batch(views=pairs.mix(own_BCHW, partner_BCHW)[None], pairs=pairs)
        case _:
            assert_never(augment)
