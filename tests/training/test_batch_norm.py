"""Batch norm's statistics anew: torch's to the bit; by the function that a GPU records, the same but for rounding."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from raysat.training.batch_norm import estimate, estimate_replayed


def small_network() -> nn.Sequential:
    """Two layers of batch norm, whose statistics are far from those of any batch."""
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3))
    network(torch.randn(16, 2, 6, 6) * 9 + 5)
    return network


def test_it_is_torchs_to_the_bit() -> None:
    torch.manual_seed(0)
    network = small_network()
    theirs = copy.deepcopy(network)
    batches = [torch.randn(size, 2, 6, 6) * (size + 1) for size in (8, 8, 5, 3, 8)]
    update_bn(iter(batches), theirs)
    estimate(network, iter(batches))
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in network.state_dict().items())
    assert [layer.momentum for layer in network if isinstance(layer, nn.BatchNorm2d)] == [0.1, 0.1]


@pytest.mark.parametrize("sizes", [(8, 8, 8), (8, 8, 5), (8,), (5,)])
def test_the_function_that_is_recorded_does_the_same(sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    network = small_network().double()
    other = copy.deepcopy(network)
    patches = torch.randn(sum(sizes), 2, 6, 6, dtype=torch.float64) * 3 + 1
    order = np.random.default_rng(0).permutation(len(patches))
    batches = np.split(order, np.cumsum(sizes)[:-1])
    asked: list[Tensor] = []

    def take(positions: Tensor) -> Tensor:
        asked.append(positions)
        return patches[positions]

    estimate(network, (patches[positions] for positions in batches))
    estimate_replayed(other, take, batches, eager=True)
    torch.testing.assert_close(other.state_dict(), network.state_dict(), rtol=1e-6, atol=1e-6)
    assert torch.cat(asked).tolist() == order.tolist()
    assert [layer.momentum for layer in other if isinstance(layer, nn.BatchNorm2d)] == [0.1, 0.1]
    assert other.training


def test_a_network_without_batch_norm_sees_nothing() -> None:
    def never(_: Tensor) -> Tensor:
        raise AssertionError

    network = nn.Linear(2, 2).eval()
    estimate_replayed(network, never, [np.arange(4)], eager=True)
    assert not network.training
