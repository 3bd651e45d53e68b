"""The two networks of a DC-GAN (Radford et al. 2016), sized to the patches.

As there: strided convolutions instead of pooling, no hidden dense layer, batch norm everywhere but in the generator's
output and the discriminator's input layer, ReLU and a tanh output in the generator, LeakyReLU 0.2 in the discriminator,
weights from N(0, 0.02). The shorter side is halved until 4 to 7 pixels are left.

The generator makes every size exactly, without borders and without the lattice that transposed convolutions are known
for. Kernels are 4 at stride 2, so that each output pixel is reached by equally many weights (Odena et al. 2016). The
outermost ring of the output, which fewer inputs reach, is left out. The mean of each 2 x 2 neighbours follows, which
passes no wave of two pixels: odd and even rows are made by different weights, and that is the pattern they would leave
(Zhang 2019 and Karras et al. 2019 smooth there too). So s pixels become 2s - 3, all made alike: 64 is 7-11-19-34-64,
where a row and column too many are dropped on the way.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_START: Final = 4  # pixels of the shorter side at the coarsest level, at least
_MOST: Final = 8  # channels of the widest level, over ``width``
_SLOPE: Final = 0.2  # LeakyReLU
_DEVIATION: Final = 0.02  # of initial weights


def sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return the generator's (height, width) at each level, coarsest first, the patch's own last."""
    levels = [(height, width)]
    for _ in range(_halvings(height, width)):
        levels.insert(0, ((levels[0][0] + 4) // 2, (levels[0][1] + 4) // 2))  # the least s with 2s - 3 or more
    return levels


class Generator(nn.Module):
    """Turns latents (B, Z) of N(0, 1) into patches (B, C, H, W) in [-1, 1]; ``width`` channels before the last."""

    def __init__(self, *, bands: int, size: tuple[int, int], width: int, latent: int) -> None:
        """Build it with random weights.

        Args:
            bands: C.
            size: H and W.
            width: channels of the finest level; each coarser level has twice as many, up to eight times.
            latent: Z.
        """
        super().__init__()
        self._sizes = sizes(*size)
        ups = len(self._sizes) - 1
        self._channels = [width * min(_MOST, 2**level) for level in reversed(range(ups))]
        height_0, width_0 = self._sizes[0]
        # The first layer of the paper: a transposed convolution from 1 x 1, which is a matrix product.
        self.project = nn.Linear(latent, self._channels[0] * height_0 * width_0, bias=False)
        self.ups = nn.ModuleList(_up(a, b) for a, b in zip(self._channels, [*self._channels[1:], bands], strict=True))
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in self._channels)
        self.apply(_initialise)

    def forward(self, latents_BZ: Tensor) -> Tensor:
        """Return patches (B, C, H, W) in [-1, 1]."""
        hidden: Tensor = self.project(latents_BZ).view(-1, self._channels[0], *self._sizes[0])
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        for norm, up, (height, width) in zip(self.norms, self.ups, self._sizes[1:], strict=True):
            hidden = F.avg_pool2d(up(norm(hidden).relu()), 2, stride=1)[..., :height, :width]
        return hidden.tanh()


class Discriminator(nn.Module):
    """Scores patches (B, C, H, W): logits (B,), positive for real; ``width`` channels at the finest level."""

    def __init__(self, *, bands: int, size: tuple[int, int], width: int) -> None:
        """Build it with random weights.

        Args:
            bands: C.
            size: H and W.
            width: channels of the finest level; each coarser level has twice as many, up to eight times.
        """
        super().__init__()
        downs = _halvings(*size)
        channels = [bands, *(width * min(_MOST, 2**level) for level in range(downs))]
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(pairwise(channels)):
            layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=level == 0))
            if level > 0:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(_SLOPE, inplace=True))
        self.features = nn.Sequential(*layers)
        self.score = nn.Conv2d(channels[-1], 1, (size[0] >> downs, size[1] >> downs))
        self.apply(_initialise)

    def forward(self, patches_BCHW: Tensor) -> Tensor:
        """Return logits (B,)."""
        scores: Tensor = self.score(self.features(patches_BCHW))
        return scores.flatten()


def _halvings(height: int, width: int) -> int:
    return (min(height, width) // _START).bit_length() - 1


def _up(before: int, after: int) -> nn.Module:
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=2, bias=False)


def _initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02); scales of batch norm from N(1, 0.02), as the paper's published code has them."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, _DEVIATION)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, _DEVIATION)
