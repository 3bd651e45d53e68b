"""What a sensor does to patches (B, C, H, W) in parts of each band's full scale: noise, blur, stripes, lost bands.

Every function takes a ``Scene``, and the strength that ``data/corruptions.py`` has for its severity.
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from raysat.inference.corruptions.scene import Scene

_DARK: Final = 0.5  # noise and offsets without light, against those at full scale


def noise(scene: Scene, strength: float) -> Tensor:
    """Shot noise, whose variance grows with the signal, and read noise, which is always there (Foi et al. 2008)."""
    variance = _DARK**2 + (1 - _DARK**2) * scene.unit_BCHW.clamp(0, 1)
    return scene.unit_BCHW + strength * variance.sqrt() * scene.band_streams.normal(*scene.size)


def blur(scene: Scene, strength: float) -> Tensor:
    """A Gaussian point spread function of so many pixels; beyond the edge lies what lies at it (Schowengerdt 2007)."""
    radius = math.ceil(3 * strength)
    taps = [math.exp(-0.5 * (step / strength) ** 2) for step in range(-radius, radius + 1)]
    unit_BCHW = scene.unit_BCHW
    for axis in (2, 3):
        size = unit_BCHW.shape[axis]
        padded = F.pad(unit_BCHW, (0, 0, radius, radius) if axis == 2 else (radius, radius, 0, 0), mode="replicate")
        total = torch.zeros_like(unit_BCHW)
        for step, tap in enumerate(taps):
            total += tap / sum(taps) * padded.narrow(axis, step, size)
        unit_BCHW = total
    return unit_BCHW


def dropout(scene: Scene, strength: float) -> Tensor:
    """Some bands hold their mean alone; those of a lower severity are among those of a higher one."""
    _, bands, _, _ = scene.unit_BCHW.shape
    lost = min(bands - 1, max(1, math.ceil(strength * bands)))
    rank_BC = scene.band_streams.uniform().argsort(dim=1).argsort(dim=1)
    return torch.where((rank_BC < lost)[:, :, None, None], scene.mean_C11, scene.unit_BCHW)


def striping(scene: Scene, strength: float) -> Tensor:
    """A gain and an offset of its own for each band and column (Carfantan & Idier 2010)."""
    _, width = scene.size
    gain, offset = scene.band_streams.normal(2, 1, width).unbind(dim=2)
    return scene.unit_BCHW * (1 + strength * gain) + _DARK * strength * offset


def gain(scene: Scene, strength: float) -> Tensor:
    """A gain of its own for each band."""
    return scene.unit_BCHW * (1 + strength * scene.band_streams.normal(1, 1))


def misregistration(scene: Scene, strength: float) -> Tensor:
    """Each band displaced by so many pixels in a direction of its own; beyond the edge lies what lies at it."""
    batch, bands, height, width = scene.unit_BCHW.shape
    angle = 2 * math.pi * scene.band_streams.uniform().reshape(-1, 1, 1)
    rows = torch.arange(height, device=angle.device)[None, :, None] + strength * angle.sin()
    columns = torch.arange(width, device=angle.device)[None, None, :] + strength * angle.cos()
    grid = torch.stack(
        [
            (2 * columns / max(1, width - 1) - 1).expand(-1, height, -1),
            (2 * rows / max(1, height - 1) - 1).expand(-1, -1, width),
        ],
        dim=-1,
    )
    planes = scene.unit_BCHW.reshape(batch * bands, 1, height, width)
    moved = F.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return moved.reshape(batch, bands, height, width)


def missing(scene: Scene, strength: float) -> Tensor:
    """A part of the patch beyond a straight edge holds the bands' means, in all bands."""
    height, width = scene.size
    angle = 2 * math.pi * scene.streams.uniform(1, 1)
    rows = torch.arange(height, device=angle.device)[None, :, None] - (height - 1) / 2
    columns = torch.arange(width, device=angle.device)[None, None, :] - (width - 1) / 2
    along = (rows * angle.sin() + columns * angle.cos()).flatten(1)
    rank = along.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    gone = (rank < max(1, round(strength * height * width))).reshape(-1, 1, height, width)
    return torch.where(gone, scene.mean_C11, scene.unit_BCHW)
