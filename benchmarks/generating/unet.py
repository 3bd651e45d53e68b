"""A small U-Net that is told the time and the class, for patches of any number of bands."""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEVELS: Final = (1, 2, 4)  # times ``width``, finest first
_FOLD: Final = 2  # pixels along a side that the first layer takes as channels
_GROUPS: Final = 8
_SLOWEST: Final = 1000.0  # of the frequencies that tell the time


class UNet(nn.Module):
    """Maps patches (B, C, H, W), times (B,) in [0, 1] and classes (B,) to patches; 0 before it is trained."""

    def __init__(self, *, bands: int, classes: int, width: int) -> None:
        """Build it with random weights.

        Args:
            bands: C.
            classes: how many there are.
            width: channels at half the patches' resolution; each of two coarser levels has twice as many.
        """
        super().__init__()
        channels = [width * times for times in _LEVELS]
        self._embedded = 4 * width
        self.classes = nn.Embedding(classes, self._embedded)
        self.time = nn.Sequential(
            nn.Linear(self._embedded, self._embedded), nn.SiLU(), nn.Linear(self._embedded, self._embedded)
        )
        folded = bands * _FOLD * _FOLD
        self.first = nn.Conv2d(folded, channels[0], 3, padding=1)
        self.downs, self.ups, self.shrink, self.grow = (nn.ModuleList() for _ in range(4))
        for level, count in enumerate(channels):
            self.downs.append(_Block(count, self._embedded))
            if level + 1 < len(channels):
                self.shrink.append(nn.Conv2d(count, channels[level + 1], 2, stride=2))
                self.grow.append(nn.Conv2d(channels[level + 1], count, 1))
                self.ups.append(_Block(count, self._embedded))
        self.middle = _Block(channels[-1], self._embedded)
        self.norm = nn.GroupNorm(min(_GROUPS, channels[0] // 4), channels[0])
        self.last = _zeroed(nn.Conv2d(channels[0], folded, 3, padding=1))

    def forward(self, patches_BCHW: Tensor, time_B: Tensor, class_B: Tensor) -> Tensor:
        """Return patches (B, C, H, W)."""
        frequencies = torch.exp(torch.linspace(0, math.log(_SLOWEST), self._embedded // 2))
        angles = time_B[:, None] * frequencies
        told_BE = F.silu(self.time(torch.cat([angles.sin(), angles.cos()], dim=1)) + self.classes(class_B))
        folded = F.pixel_unshuffle(patches_BCHW, _FOLD).contiguous(memory_format=torch.channels_last)
        hidden: Tensor = self.first(folded)
        finer = []
        for level, down in enumerate(self.downs):
            hidden = down(hidden, told_BE)
            if level < len(self.shrink):
                finer.append(hidden)
                hidden = self.shrink[level](hidden)
        hidden = self.middle(hidden, told_BE)
        for grow, up, beside in reversed(list(zip(self.grow, self.ups, finer, strict=True))):
            hidden = up(F.interpolate(grow(hidden), scale_factor=2, mode="nearest") + beside, told_BE)
        return F.pixel_shuffle(self.last(F.silu(self.norm(hidden))), _FOLD)


class _Block(nn.Module):
    """Two convolutions beside a short cut; what it is told scales and shifts the channels between them."""

    def __init__(self, channels: int, told: int) -> None:
        super().__init__()
        groups = min(_GROUPS, channels // 4)
        self.norm_1, self.conv_1 = nn.GroupNorm(groups, channels), nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_2, self.conv_2 = nn.GroupNorm(groups, channels), _zeroed(nn.Conv2d(channels, channels, 3, padding=1))
        self.told = nn.Linear(told, 2 * channels)

    def forward(self, hidden: Tensor, told_BE: Tensor) -> Tensor:
        scale, shift = self.told(told_BE)[:, :, None, None].chunk(2, dim=1)
        inner = self.conv_1(F.silu(self.norm_1(hidden)))
        inner = self.conv_2(F.silu(self.norm_2(inner) * (1 + scale) + shift))
        return hidden + inner


def _zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
