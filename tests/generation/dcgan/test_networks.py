"""The networks: every size exactly, normalised where Radford et al. say, all pixels made alike."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from raysat.generation.check import MIN_SIDE
from raysat.generation.dcgan.networks import Discriminator, Generator, sizes

sides = st.integers(MIN_SIDE, 80)


@settings(max_examples=15)
@given(height=sides, width=sides, bands=st.integers(1, 5))
def test_every_size_is_made_exactly_and_judged(height, width, bands):
    made = Generator(bands=bands, size=(height, width), width=4, latent=6)(torch.randn(2, 6))
    assert made.shape == (2, bands, height, width)
    assert made.abs().max() <= 1
    assert Discriminator(bands=bands, size=(height, width), width=4)(made).shape == (2,)


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (65, 65), (128, 128), (256, 200)])
def test_sizes_grow_by_less_than_double_to_the_patch(size):
    levels = sizes(*size)
    assert levels[-1] == size
    for axis in (0, 1):
        sides = [level[axis] for level in levels]
        assert all(large <= 2 * small - 3 <= large + 1 for small, large in pairwise(sides))
    assert sizes(64, 64) == [(7, 7), (11, 11), (19, 19), (34, 34), (64, 64)]


def test_layers_are_those_of_the_paper():
    torch.manual_seed(0)
    made = Generator(bands=3, size=(64, 64), width=64, latent=100)
    judge = Discriminator(bands=3, size=(64, 64), width=64)
    assert [up.in_channels for up in made.ups] == [512, 256, 128, 64]
    convolutions = [layer for layer in judge.features if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64, 128, 256, 512]
    assert all(layer.stride == (2, 2) for layer in (*convolutions, *made.ups))
    assert [norm.num_features for norm in made.norms] == [512, 256, 128, 64]  # none after the last convolution
    assert [layer.num_features for layer in judge.features if isinstance(layer, nn.BatchNorm2d)] == [128, 256, 512]
    slopes = [layer.negative_slope for layer in judge.features if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.2] * 4
    for layer in (*made.ups, made.project, *convolutions):
        assert float(layer.weight.detach().mean()) == pytest.approx(0, abs=0.002)
        assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("side", [32, 33])
def test_a_flat_latent_image_stays_flat_up_to_the_last_pixel(side):
    """Borders are made like the rest, and odd rows like even ones: of flat input, both would show as a pattern."""
    torch.manual_seed(0)
    network = Generator(bands=2, size=(side, side), width=8, latent=1)
    weight = network.project.weight.data
    channels = network.norms[0].num_features
    flat = torch.randn(channels, 1).repeat_interleave(len(weight) // channels, 0)
    weight.copy_(flat)
    with torch.no_grad():
        made = network(torch.randn(4, 1))
    assert made.std(dim=(2, 3)).max() < 1e-5 * made.std()
