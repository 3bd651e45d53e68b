"""Seeds by purpose."""

from __future__ import annotations

import numpy as np
import torch

from raysat.training.seeding import derive, generator, reproducible


def test_purposes_epochs_and_seeds_have_their_own_streams() -> None:
    seeds = {derive(s, purpose, epoch) for s in range(5) for purpose in ("order", "augment") for epoch in range(5)}
    assert len(seeds) == 50
    assert derive(1, 11) != derive(11, 1)
    np.testing.assert_array_equal(generator(3, "order", 2).random(4), generator(3, "order", 2).random(4))


def test_a_reproducible_block_neither_reads_nor_changes_global_state() -> None:
    device = torch.device("cpu")
    found = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        with reproducible(device, 7, "weights"):
            found.append(torch.rand(3))
            assert torch.are_deterministic_algorithms_enabled()
            assert not torch.utils.deterministic.fill_uninitialized_memory
        assert torch.utils.deterministic.fill_uninitialized_memory
        after = torch.rand(1)
        torch.manual_seed(global_seed)
        assert torch.equal(after, torch.rand(1))
        assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(*found)
