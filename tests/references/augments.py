"""Augmentations beside NumPy, Pillow and formulas written anew."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from raysat.config.families.mixing import MixUp
from raysat.training.augment import augmix, dihedral
from raysat.training.batch import step_inputs, views
from raysat.training.patches import Scale
from raysat.training.sampling import Batch, TrainSplit
from tests.references.registry import Pair, compared
from tests.training.augment.test_augmix import pillow_operation


def _patches(count: int, *, bands: int = 3, side: int = 12) -> Tensor:
    rng = np.random.default_rng(11)
    return torch.tensor(rng.integers(0, 256, (count, bands, side, side))).float()


def _plain(bands: int) -> Scale:
    zero, one = torch.zeros(bands, 1, 1), torch.ones(bands, 1, 1)
    return Scale(mean=zero, std=one, low=zero, span=255 * one)


@compared("augment.dihedral", by="NumPy's flips and transposes", within=0.0)
def _dihedral() -> Pair:
    patches = _patches(8)
    theirs = list(patches.numpy())
    for number in range(8):
        for bit, change in enumerate((np.flipud, np.fliplr, np.transpose)):
            if number >> bit & 1:
                theirs[number] = np.stack([change(band) for band in theirs[number]])
    return dihedral.transform(patches, torch.arange(8)), np.stack(theirs)


@compared("augment.augmix", by="Pillow's operations, mixed as Hendrycks et al. 2020, algorithm 1", within=1e-6)
def _augmix() -> Pair:
    """Operations that move no pixel by a fraction, whose levels Pillow does not round."""
    count, names = 6, ("autocontrast", "equalize", "posterize", "solarize", "translate_x", "translate_y")
    patches, rng = _patches(count, side=18), np.random.default_rng(4)
    shape = (count, 1, 3, 1)
    drawn = augmix.Draw(
        operation=np.array([augmix.OPERATIONS.index(name) for name in rng.choice(names, count * 3)]).reshape(shape),
        level=rng.uniform(0.1, 10, shape) * rng.choice((-1.0, 1.0), shape),
        depth=np.ones(shape[:3], dtype=np.int64),
        chain_weight=rng.dirichlet([1.0] * 3, (count, 1)),
        mixed_weight=rng.beta(1.0, 1.0, (count, 1)),
    )
    ours = augmix.augmented_views(patches / 255, augmix.chains(drawn, height=18, width=18))[0]
    theirs = []
    for number, patch in enumerate(patches.numpy()):
        clean = np.moveaxis(patch, 0, -1)
        mixed = np.zeros_like(clean, dtype=np.float64)
        for chain in range(3):
            name = augmix.OPERATIONS[drawn.operation[number, 0, chain, 0]]
            changed = pillow_operation(Image.fromarray(clean.astype(np.uint8)), name, drawn.level[number, 0, chain, 0])
            mixed += drawn.chain_weight[number, 0, chain] * np.asarray(changed, dtype=np.float64)
        share = drawn.mixed_weight[number, 0]
        theirs.append(np.moveaxis((1 - share) * clean + share * mixed, -1, 0) / 255)
    return ours, np.stack(theirs)


@compared("augment.mixup", by="Zhang et al. 2018, eq. 1, with the same draws", within=1e-4)
def _mixup() -> Pair:
    patches = _patches(9)
    batch = Batch(positions=np.arange(9), labels=np.zeros(9, dtype=np.uint8), size=(12, 12))
    member = MixUp(alpha=0.5)
    split, rng = TrainSplit(batch.labels, np.array([9]), bands=3), np.random.default_rng(8)
    drawn = step_inputs(member, batch, rng, split=split, weights_K=np.ones(1), lr=0.1, momenta=[]).view
    ours = views(member, patches[drawn.positions_n], _plain(3), drawn.drawn)[0]
    rng = np.random.default_rng(8)
    share = rng.beta(0.5, 0.5)
    partners = rng.permutation(9)
    return ours, share * patches.numpy() + (1 - share) * patches.numpy()[partners]
