"""The flow's network: any size and number of bands, 0 at its start, and told the time."""

from __future__ import annotations

import pytest
import torch

from raysat.generation.flow.unet import UNet


@pytest.mark.parametrize(("bands", "height", "width"), [(1, 16, 16), (3, 17, 23), (13, 65, 65)])
def test_it_keeps_the_shape_and_begins_with_nothing(bands: int, height: int, width: int) -> None:
    network = UNet(bands=bands, width=8)
    patches = torch.randn(2, bands, height, width)
    made = network(patches, torch.tensor([0.0, 1.0]))
    assert made.shape == patches.shape
    assert not made.any()


@pytest.mark.parametrize("width", [8, 16, 24, 40, 64])
def test_once_trained_it_tells_times_apart_and_every_weight_learns(width: int) -> None:
    torch.manual_seed(0)
    network = UNet(bands=2, width=width)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    patches, times = torch.randn(2, 2, 16, 16), torch.tensor([0.2, 0.8])
    before = [parameter.detach().clone() for parameter in network.parameters()]
    for _ in range(4):
        optimizer.zero_grad()
        (network(patches, times) - patches).square().mean().backward()
        optimizer.step()
    assert all(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
    with torch.no_grad():
        same = network(patches[:1].expand(2, -1, -1, -1), times)
    assert (same[0] - same[1]).abs().max() > 1e-4
