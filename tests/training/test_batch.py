"""Batches: shards of several workers are the parts of the batch that one worker would see."""

from __future__ import annotations

import numpy as np
import pytest
import torch

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
from raysat.training.batch import step_inputs, views
from raysat.training.patches import Scale, open_patches
from raysat.training.sampling import Batch, TrainSplit
from raysat.training.step_inputs import Partners, StepInputs
from tests.helpers.training import MakeStore

CPU = torch.device("cpu")
MIXES = (MixUp, BalancedMixUp, Remix, CutMix)
AUGMENTS = (
    NoAugment(),
    Dihedral(),
    AugMix(),
    AugMix(jsd=False),
    MixUp(),
    *(member(flips=flips) for member in (BalancedMixUp, Remix, CutMix) for flips in (False, True)),
    *(member(flips=flips) for member in (TrivialAugment, BandDropout, SpectralJitter) for flips in (False, True)),
)


@pytest.mark.parametrize("augment", AUGMENTS, ids=lambda augment: f"{augment.kind}-{augment.forward_passes}")
def test_shards_are_parts_of_the_whole_batch(make_store: MakeStore, augment: Augment) -> None:
    store = make_store(dtype="uint16")
    patches, scale = open_patches(store, ("train",), (0, 2), CPU)["train"], Scale.of(store, (0, 2), CPU)
    positions = np.array([5, 3, 17, 40, 8, 3, 20])
    batch = Batch(positions=positions, labels=patches.labels[positions], size=(16, 16))

    def part(rank: int = 0, world: int = 1) -> tuple[StepInputs, torch.Tensor]:
        inputs = step_inputs(
            augment,
            batch,
            np.random.default_rng(4),
            split=TrainSplit(patches.labels, store.counts("train"), bands=2),
            weights_K=np.array([0.5, 1.0, 1.5]),
            lr=0.1,
            momenta=[0.5],
            rank=rank,
            world=world,
        )
        return inputs, views(augment, patches.take(inputs.view.positions_n.numpy()), scale, inputs.view.drawn)

    whole, whole_views = part()
    assert whole_views.shape == (augment.forward_passes, 7, 2, 16, 16)
    assert isinstance(whole.update.partners, Partners) == isinstance(augment, MIXES)
    for rank in range(3):
        mine, its_views = part(rank, 3)
        torch.testing.assert_close(its_views, whole_views[:, rank::3])
        assert torch.equal(mine.update.labels_b, whole.update.labels_b[rank::3])
        torch.testing.assert_close(mine.update.class_weights_b, 3 * whole.update.class_weights_b[rank::3])
        torch.testing.assert_close(mine.update.mean_weights_b, 3 * whole.update.mean_weights_b[rank::3])
        if isinstance(whole.update.partners, Partners):
            own, others = mine.update.partners, whole.update.partners
            assert isinstance(own, Partners)
            assert torch.equal(own.shares, others.shares[:, rank::3] if others.shares.dim() > 1 else others.shares)
            assert torch.equal(own.labels_b, others.labels_b[rank::3])
            torch.testing.assert_close(own.class_weights_b, 3 * others.class_weights_b[rank::3])
