"""Batches of training: patches of the train split, augmented and normalised.

Every random number is drawn for the whole batch before a worker takes its shard of it, so that how many workers share a
batch changes nothing.
"""

from __future__ import annotations

from typing import assert_never

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.config.families.images import (
    Augment,
    AugMix,
    BandDropout,
    Dihedral,
    NoAugment,
    SpectralJitter,
    TrivialAugment,
)
from raysat.config.families.mixing import BalancedMixUp, CutMix, MixUp, Remix
from raysat.config.plugins.settings import AugmentSettings
from raysat.config.plugins.use import call, method_of, wrong_result
from raysat.training.augment import augmix, augmix_by_patch, augmix_fused, bands, cutmix, dihedral, mixup, trivial
from raysat.training.mixing import mixed_inputs
from raysat.training.patches import Scale
from raysat.training.sampling import Batch, Shard, TrainSplit, shard
from raysat.training.step_inputs import (
    Alone,
    Chains,
    ChainTable,
    Change,
    Drawn,
    Jitter,
    Kept,
    Mixing,
    Operations,
    Partners,
    Pasting,
    StepInputs,
    Symmetries,
    Turned,
    Unchanged,
    Uniforms,
    UpdateInputs,
    ViewInputs,
)

_ByPatch = NoAugment | Dihedral | AugMix | TrivialAugment | BandDropout | SpectralJitter | AugmentSettings


def step_inputs(
    augment: Augment,
    batch: Batch,
    rng: np.random.Generator,
    *,
    split: TrainSplit,
    weights_K: npt.NDArray[np.float64],
    lr: float,
    momenta: list[float],
    rank: int = 0,
    world: int = 1,
    device: torch.device | None = None,
) -> StepInputs:
    """Draw what is random of a step; return what a worker needs for its shard, on the host.

    Args:
        augment: how patches are augmented.
        batch: of all workers together.
        rng: what draws; as much from it on every worker.
        split: what the batch is cut from.
        weights_K: what each class counts.
        lr: learning rate of the step.
        momenta: of the averages that take every step.
        rank: this worker's number.
        world: the number of workers.
        device: where the step is taken, which decides how AugMix's chains are written down; the CPU by default.
    """
    own = shard(weights_K[batch.labels], rank=rank, world=world)
    partners: Partners | Alone = Alone()
    match augment:
        case MixUp() | BalancedMixUp() | Remix() | CutMix():
            positions_n, drawn, partners = mixed_inputs(
                augment, batch, own, rng, split=split, weights_K=weights_K, rank=rank, world=world
            )
        case _:
            positions_n, drawn = batch.positions[own.positions], _draw(augment, batch, own, rng, split, device)
    update = UpdateInputs(
        labels_b=torch.from_numpy(batch.labels[own.positions].astype(np.int64)),
        class_weights_b=torch.from_numpy(own.class_weights),
        mean_weights_b=torch.from_numpy(own.mean_weights),
        partners=partners,
        lr=torch.tensor(lr, dtype=torch.float64),
        momenta_A=torch.tensor(momenta, dtype=torch.float32),
    )
    return StepInputs(ViewInputs(torch.from_numpy(positions_n), drawn), update)


def _draw(
    augment: _ByPatch,
    batch: Batch,
    own: Shard,
    rng: np.random.Generator,
    split: TrainSplit,
    device: torch.device | None,
) -> Drawn:
    """What is done to each of the patches of a shard, where none is mixed with another one."""
    mine, count, (height, width) = own.positions, len(batch.positions), batch.size
    change: Change
    match augment:
        case NoAugment():
            return Unchanged()
        case Dihedral():
            return Symmetries(_symmetries(batch, own, rng))
        case AugMix():
            is_fused = device is not None and augmix_fused.is_worth_it(device, height, width)
            write = augmix.chain_table if is_fused else augmix.chains
            return write(augmix.draw(augment, count, rng).take(mine), height=height, width=width)
        case AugmentSettings():
            random_BR = rng.random((count, method_of(augment).options["randoms"]), dtype=np.float32)
            return Uniforms(torch.from_numpy(random_BR[mine]))
        case TrivialAugment():
            change = trivial.operations(trivial.draw(count, rng).take(mine), height=height, width=width)
        case BandDropout():
            change = Kept(torch.from_numpy(bands.draw_kept(augment, count, split.bands, rng)[mine]))
        case SpectralJitter():
            change = Jitter(
                *(torch.from_numpy(each[mine]) for each in bands.draw_jitter(augment, count, split.bands, rng))
            )
        case _:
            assert_never(augment)
    return Turned(_symmetries(batch, own, rng), change) if augment.flips else change


def _symmetries(batch: Batch, own: Shard, rng: np.random.Generator) -> Tensor:
    symmetry_B = dihedral.draw(len(batch.positions), rng, square=batch.size[0] == batch.size[1])
    return torch.from_numpy(symmetry_B[own.positions])


def views(augment: Augment, patches_nCHW: Tensor, scale: Scale, drawn: Drawn, *, by_patch: bool = False) -> Tensor:
    """Return what the network sees of b patches, normalised, (V, b, C, H, W): the supervised view comes first.

    AugMix, and the operations of TrivialAugment, stay within each band's full scale; everything else keeps every value,
    as in evaluation.

    Args:
        augment: how patches are augmented.
        patches_nCHW: those that the shard needs, in the store's units.
        scale: of the store's bands.
        drawn: what is done to them.
        by_patch: whether AugMix may take large patches one after another, and look at numbers: quicker on the CPU.
    """
    match drawn:
        case Turned(symmetry_n=symmetry_n, change=change):
            return views(augment, dihedral.transform(patches_nCHW, symmetry_n), scale, change, by_patch=by_patch)
        case Unchanged():
            return scale.normalise(patches_nCHW)[None]
        case Symmetries(symmetry_b=symmetry_b):
            return scale.normalise(dihedral.transform(patches_nCHW, symmetry_b))[None]
        case Chains() if by_patch and patches_nCHW[0].numel() >= augmix_by_patch.WORTH_IT:
            return augmix_by_patch.views(patches_nCHW, scale, drawn, with_clean=augment.forward_passes > 1)
        case Chains() | ChainTable():
            return _of_augmix(patches_nCHW, scale, drawn, with_clean=augment.forward_passes > 1)
        case Operations():
            return trivial.augmented(patches_nCHW, scale, drawn)[None]
        case Kept(kept_bC=kept_bC):
            return bands.leave_out(scale.normalise(patches_nCHW), kept_bC)[None]
        case Jitter():
            noise = augment.noise if isinstance(augment, SpectralJitter) else 0.0
            return bands.jittered(scale.normalise(patches_nCHW), *drawn, noise=noise)[None]
        case Mixing() | Pasting():
            own_bCHW, partner_bCHW = scale.normalise(patches_nCHW).index_select(0, drawn.place_2b).chunk(2)
            if isinstance(drawn, Mixing):
                return mixup.mix(own_bCHW, partner_bCHW, drawn.shares_2)[None]
            return cutmix.paste(own_bCHW, partner_bCHW, drawn.box_4)[None]
        case Uniforms(random_bR=random_bR):
            return _of_plugin(augment, scale.normalise(patches_nCHW), random_bR)[None]
        case _:
            assert_never(drawn)


def _of_augmix(patches_bCHW: Tensor, scale: Scale, drawn: Chains | ChainTable, *, with_clean: bool) -> Tensor:
    """What AugMix makes of patches, in batches; the patches as they are come first where ``with_clean``."""
    unit_bCHW = scale.to_unit(patches_bCHW)
    if isinstance(drawn, ChainTable):
        mixed_VbCHW = augmix_fused.augmented_views(unit_bCHW, drawn)
    else:
        mixed_VbCHW = augmix.augmented_views(unit_bCHW, drawn)
    views_VbCHW = scale.normalise(scale.from_unit(mixed_VbCHW))
    return torch.cat((scale.normalise(patches_bCHW)[None], views_VbCHW)) if with_clean else views_VbCHW


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
