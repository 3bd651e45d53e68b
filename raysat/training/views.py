"""What the network is shown of a batch: patches of the train split, augmented and normalised.

Every random number is drawn for the whole batch before a worker takes its part of it, so that how many workers share a
batch changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import torch
from torch import Tensor

from raysat.config.families.images import Augment, AugMix, Dihedral, MixUp, NoAugment
from raysat.training.augment import augmix as augment
from raysat.training.augment import dihedral, mixup
from raysat.training.patches import Patches, Scale
from raysat.training.sampling import Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One worker's part of a batch, as the network sees it."""

    views: Tensor  # (V, B, C, H, W), normalised; the supervised one first, then those that shall agree with it
    pairs: mixup.Pairs | None = None  # of the whole batch, where patches are mixed


def show(
    member: Augment, patches: Patches, scale: Scale, batch: Positions, mine: Positions, rng: np.random.Generator
) -> Shown:
    """Make the views of the patches at the positions ``mine`` of a batch.

    AugMix stays within each band's full scale; everything else keeps every value, as in evaluation.
    """
    match member:
        case NoAugment():
            return Shown(views=scale.normalise(patches.take(batch[mine]))[None])
        case Dihedral():
            taken_BCHW = patches.take(batch[mine])
            drawn = dihedral.draw(len(batch), rng, square=taken_BCHW.shape[2] == taken_BCHW.shape[3])
            return Shown(views=scale.normalise(dihedral.transform(taken_BCHW, drawn[mine]))[None])
        case AugMix():
            taken_BCHW = patches.take(batch[mine])
            chains = augment.draw(member, len(batch), rng, views=augment.VIEWS if member.jsd else 1).take(mine)
            mixed_VBCHW = augment.augmented_views(scale.to_unit(taken_BCHW), chains)
            views_VBCHW = scale.normalise(scale.from_unit(mixed_VBCHW))
            if member.jsd:
                views_VBCHW = torch.cat((scale.normalise(taken_BCHW)[None], views_VBCHW))
            return Shown(views=views_VBCHW)
        case MixUp():
            pairs = mixup.draw(member, len(batch), rng)
            # A partner may lie in another worker's part; one in our own is not read twice.
            needed, where = np.unique(np.concatenate((mine, pairs.partners[mine])), return_inverse=True)
            normal_BCHW = scale.normalise(patches.take(batch[needed]))
            index = torch.from_numpy(where).to(normal_BCHW.device, non_blocking=True)
            own_BCHW, partner_BCHW = normal_BCHW[index].chunk(2)
            return Shown(views=mixup.mix(own_BCHW, partner_BCHW, pairs.share)[None], pairs=pairs)
        case _:
            assert_never(member)
