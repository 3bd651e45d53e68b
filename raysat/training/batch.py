"""Batches of training: patches of the train split, augmented and normalised.

Every random number is drawn for the whole batch before a worker takes its shard of it, so that how many workers share a
batch changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.config.families.images import Augment, AugMix, Dihedral, MixUp, NoAugment
from raysat.config.plugins.settings import AugmentSettings
from raysat.config.plugins.use import call, method_of, wrong_result
from raysat.training.augment import augmix, augmix_by_patch, dihedral, mixup
from raysat.training.patches import Scale
from raysat.training.sampling import Positions, Shard, shard
from raysat.training.step_inputs import (
    Alone,
    Chains,
    Drawn,
    Mixing,
    Partners,
    StepInputs,
    Symmetries,
    Unchanged,
    Uniforms,
    UpdateInputs,
    ViewInputs,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A whole batch of B patches, before anything is drawn for it."""

    positions: Positions  # (B,) in the train split
    labels: npt.NDArray[np.uint8]  # (B,)
    size: tuple[int, int]  # height and width of a patch


def step_inputs(
    augment: Augment,
    batch: Batch,
    rng: np.random.Generator,
    *,
    weights_K: npt.NDArray[np.float64],
    lr: float,
    momenta: list[float],
    rank: int = 0,
    world: int = 1,
) -> StepInputs:
    """Draw what is random of a step; return what a worker needs for its shard, on the host.

    Args:
        augment: how patches are augmented.
        batch: of all workers together.
        rng: what draws; as much from it on every worker.
        weights_K: what each class counts.
        lr: learning rate of the step.
        momenta: of the averages that take every step.
        rank: this worker's number.
        world: the number of workers.
    """
    weights_B = weights_K[batch.labels]
    own = shard(weights_B, rank=rank, world=world)
    needed, drawn, partners = _draw(augment, batch, own, rng, weights_B=weights_B, rank=rank, world=world)
    update = UpdateInputs(
        labels_b=torch.from_numpy(batch.labels[own.positions].astype(np.int64)),
        class_weights_b=torch.from_numpy(own.class_weights),
        mean_weights_b=torch.from_numpy(own.mean_weights),
        partners=partners,
        lr=torch.tensor(lr, dtype=torch.float64),
        momenta_A=torch.tensor(momenta, dtype=torch.float32),
    )
    return StepInputs(ViewInputs(torch.from_numpy(batch.positions[needed]), drawn), update)


def _draw(
    augment: Augment,
    batch: Batch,
    own: Shard,
    rng: np.random.Generator,
    *,
    weights_B: npt.NDArray[np.float64],
    rank: int,
    world: int,
) -> tuple[Positions, Drawn, Partners | Alone]:
    """Which of the batch's patches a shard needs, what is done to them, and whom the loss of mixed ones has beside."""
    count, (height, width) = len(batch.positions), batch.size
    match augment:
        case NoAugment():
            return own.positions, Unchanged(), Alone()
        case Dihedral():
            symmetry_B = dihedral.draw(count, rng, square=height == width)
            return own.positions, Symmetries(torch.from_numpy(symmetry_B[own.positions])), Alone()
        case AugMix():
            mine = augmix.draw(augment, count, rng).take(own.positions)
            return own.positions, augmix.chains(mine, height=height, width=width), Alone()
        case MixUp():
            pairs = mixup.draw(augment, count, rng)
            # A partner may lie in another worker's shard; one in our own is not read twice.
            both = np.concatenate((own.positions, pairs.partners[own.positions]))
            needed, place_2b = np.unique(both, return_inverse=True)
            others = shard(weights_B[pairs.partners], rank=rank, world=world)
            partners = Partners(
                labels_b=torch.from_numpy(batch.labels[pairs.partners][own.positions].astype(np.int64)),
                class_weights_b=torch.from_numpy(others.class_weights),
                shares_2=pairs.shares,
            )
            return needed, Mixing(torch.from_numpy(place_2b), pairs.shares), partners
        case AugmentSettings():
            random_BR = rng.random((count, method_of(augment).options["randoms"]), dtype=np.float32)
            return own.positions, Uniforms(torch.from_numpy(random_BR[own.positions])), Alone()
        case _:
            assert_never(augment)


def views(augment: Augment, patches_nCHW: Tensor, scale: Scale, drawn: Drawn, *, by_patch: bool = False) -> Tensor:
    """Return what the network sees of b patches, normalised, (V, b, C, H, W): the supervised view comes first.

    AugMix stays within each band's full scale; everything else keeps every value, as in evaluation.

    Args:
        augment: how patches are augmented.
        patches_nCHW: those that the shard needs, in the store's units.
        scale: of the store's bands.
        drawn: what is done to them.
        by_patch: whether AugMix may take large patches one after another, and look at numbers: quicker on the CPU.
    """
    match drawn:
        case Unchanged():
            return scale.normalise(patches_nCHW)[None]
        case Symmetries(symmetry_b=symmetry_b):
            return scale.normalise(dihedral.transform(patches_nCHW, symmetry_b))[None]
        case Chains() if by_patch and patches_nCHW[0].numel() >= augmix_by_patch.WORTH_IT:
            return augmix_by_patch.views(patches_nCHW, scale, drawn, with_clean=augment.forward_passes > 1)
        case Chains():
            mixed_VbCHW = augmix.augmented_views(scale.to_unit(patches_nCHW), drawn)
            views_VbCHW = scale.normalise(scale.from_unit(mixed_VbCHW))
            if augment.forward_passes > 1:
                return torch.cat((scale.normalise(patches_nCHW)[None], views_VbCHW))
            return views_VbCHW
        case Mixing(place_2b=place_2b, shares_2=shares_2):
            own_bCHW, partner_bCHW = scale.normalise(patches_nCHW).index_select(0, place_2b).chunk(2)
            return mixup.mix(own_bCHW, partner_bCHW, shares_2)[None]
        case Uniforms(random_bR=random_bR):
            return _of_plugin(augment, scale.normalise(patches_nCHW), random_bR)[None]
        case _:
            assert_never(drawn)


def _of_plugin(augment: Augment, patches_bCHW: Tensor, random_bR: Tensor) -> Tensor:
    """What a plugin makes of normalised patches. Raises PluginError where these have another shape or type."""
    if not isinstance(augment, AugmentSettings):
        raise TypeError(f"{augment.kind} draws no random numbers for a plugin")
    found = call(augment, patches_bCHW, random_bR)
    if not isinstance(found, Tensor) or found.shape != patches_bCHW.shape or found.dtype != patches_bCHW.dtype:
        what = f"{found.dtype} {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        wanted = f"{patches_bCHW.dtype} {tuple(patches_bCHW.shape)}"
        raise wrong_result(augment, f"returns {what}, not patches as it was given: {wanted}")
    return found
