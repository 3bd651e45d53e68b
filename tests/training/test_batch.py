"""Batches: shards of several workers are the parts of the batch that one worker would see."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from raysat.config.families.images import Augment, AugMix, Dihedral, MixUp, NoAugment
from raysat.training.batch import Batch, make_batch
from raysat.training.patches import Scale, open_patches
from tests.helpers.training import MakeStore

CPU = torch.device("cpu")
AUGMENTS = (NoAugment(), Dihedral(), AugMix(), AugMix(jsd=False), MixUp())


@pytest.mark.parametrize("augment", AUGMENTS, ids=lambda augment: f"{augment.kind}-{augment.forward_passes}")
def test_shards_are_parts_of_the_whole_batch(make_store: MakeStore, augment: Augment) -> None:
    store = make_store(dtype="uint16")
    patches, scale = open_patches(store, ("train",), (0, 2), CPU)["train"], Scale.of(store, (0, 2), CPU)
    positions = np.array([5, 3, 17, 40, 8, 3, 20])

    def batch(shard: np.ndarray) -> Batch:
        return make_batch(augment, patches, scale, positions, shard, np.random.default_rng(4))

    whole = batch(np.arange(7))
    assert whole.views.shape == (augment.forward_passes, 7, 2, 16, 16)
    for rank in range(3):
        part = batch(np.arange(rank, 7, 3))
        torch.testing.assert_close(part.views, whole.views[:, rank::3])
        if whole.pairs is not None:
            assert part.pairs is not None
            assert part.pairs.lam == whole.pairs.lam
            np.testing.assert_array_equal(part.pairs.partners, whole.pairs.partners)
    assert (whole.pairs is not None) == isinstance(augment, MixUp)
