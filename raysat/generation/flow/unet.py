"""A small U-Net that is told the time, for patches of any size and any number of bands."""

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
    """Maps patches (B, C, H, W) and times (B,) in [0, 1] to patches; to 0 before it is trained."""

    def __init__(self, *, bands: int, width: int) -> None:
        """Build it with random weights.

        Args:
            bands: C.
            width: channels at half the patches' resolution, a multiple of 8; two coarser levels have 2 and 4 times as
                many.
        """
        super().__init__()
        channels = [width * times for times in _LEVELS]
        self._embedded, self._multiple = 4 * width, _FOLD * 2 ** (len(channels) - 1)
        self.time = nn.Sequential(
            nn.Linear(self._embedded, self._embedded), nn.SiLU(), nn.Linear(self._embedded, self._embedded), nn.SiLU()
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
        self.norm = nn.GroupNorm(_groups(channels[0]), channels[0])
        self.last = _zeroed(nn.Conv2d(channels[0], folded, 3, padding=1))

    def forward(self, patches_BCHW: Tensor, time_B: Tensor) -> Tensor:
        """Return patches (B, C, H, W)."""
        height, width = patches_BCHW.shape[2:]
        half = self._embedded // 2
        frequencies = torch.exp(torch.linspace(0, math.log(_SLOWEST), half, device=time_B.device))
        angles = time_B[:, None] * frequencies
        time_BE = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        # Zeros fill sides up, as they do around each convolution.
        filled = F.pad(patches_BCHW, (0, -width % self._multiple, 0, -height % self._multiple))
        folded = F.pixel_unshuffle(filled, _FOLD).contiguous(memory_format=torch.channels_last)
        hidden: Tensor = self.first(folded)
        finer = []
        for level, down in enumerate(self.downs):
            hidden = down(hidden, time_BE)
            if level < len(self.shrink):
                finer.append(hidden)
                hidden = self.shrink[level](hidden)
        hidden = self.middle(hidden, time_BE)
        for grow, up, beside in reversed(list(zip(self.grow, self.ups, finer, strict=True))):
            hidden = up(F.interpolate(grow(hidden), scale_factor=2, mode="nearest") + beside, time_BE)
        whole_BCHW = F.pixel_shuffle(self.last(F.silu(self.norm(hidden))), _FOLD)
        velocity_BCHW: Tensor = whole_BCHW[:, :, :height, :width]
        return velocity_BCHW


class _Block(nn.Module):
    """Two convolutions beside a short cut; the time scales and shifts the channels between them."""

    def __init__(self, channels: int, embedded: int) -> None:
        super().__init__()
        groups = _groups(channels)
        self.norm_1, self.conv_1 = nn.GroupNorm(groups, channels), nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_2, self.conv_2 = nn.GroupNorm(groups, channels), _zeroed(nn.Conv2d(channels, channels, 3, padding=1))
        self.told = nn.Linear(embedded, 2 * channels)

    def forward(self, hidden: Tensor, time_BE: Tensor) -> Tensor:
        scale, shift = self.told(time_BE)[:, :, None, None].chunk(2, dim=1)
        inner = self.conv_1(F.silu(self.norm_1(hidden)))
        inner = self.conv_2(F.silu(self.norm_2(inner) * (1 + scale) + shift))
        result: Tensor = hidden + inner
        return result


def _groups(channels: int) -> int:
    """Groups of a normalisation: up to 8, of four channels at least."""
    return min(_GROUPS, channels // 4)


def _zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
