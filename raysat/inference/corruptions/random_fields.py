"""Random numbers of patches that depend on nothing but what they are for and the patch: no state, batch or device.

Each patch has a stream of its own, SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
generators", OOPSLA): the n-th number is a hash of the stream's start plus n times a constant, so that all numbers of a
batch are computed at once, as 64-bit whole numbers that are the same on every device.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

_GOLDEN: Final = 0x9E3779B97F4A7C15 - (1 << 64)  # 2^64 over the golden ratio, odd; as a signed number
_MIX_1: Final = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2: Final = 0x94D049BB133111EB - (1 << 64)
_HALF: Final = 0xFFFFFFFF
_LARGEST_CELL: Final = 2  # cells of the coarsest grid of a field, a side
_ROUGHNESS: Final = 0.55  # amplitude of a grid against that of the next coarser one
_CONTRAST: Final = 2.5  # of a field before it is squeezed into 0 to 1


@dataclass(frozen=True, slots=True, eq=False)
class Streams:
    """The random numbers of a batch of patches for one purpose, (B,), or of each of their bands, (B, C)."""

    start: Tensor  # int64, of each stream

    @classmethod
    def of(cls, purpose: str, positions_B: Tensor) -> Streams:
        """Streams of patches by their positions in the store (B,), for a purpose by name."""
        key = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little", signed=True)
        start = torch.tensor(key, device=positions_B.device) + positions_B.to(torch.int64) * _GOLDEN
        return cls(_mix(_mix(start)))

    @classmethod
    def of_bands(cls, purpose: str, positions_B: Tensor, bands: Sequence[str]) -> Streams:
        """Streams of each band by its name: the same for a model that takes this band, whatever others it takes.

        Args:
            purpose: by name.
            positions_B: of the patches in the store.
            bands: names of C bands.

        Returns:
            One a patch and band.
        """
        return cls(torch.stack([cls.of(f"{purpose} of {band}", positions_B).start for band in bands], dim=1))

    def uniform(self, *shape: int) -> Tensor:
        """Return numbers from 0 to 1, without both ends: ``shape`` of each stream."""
        return _uniform(self._bits(math.prod(shape)) & _HALF).reshape(*self.start.shape, *shape)

    def normal(self, *shape: int) -> Tensor:
        """Return normal numbers (Box & Muller 1958): ``shape`` of each stream."""
        size = math.prod(shape)
        bits = self._bits(-(-size // 2))
        radius = (-2 * _uniform(bits & _HALF).log_()).sqrt_()
        angle = (2 * math.pi) * _uniform((bits >> 32) & _HALF)
        both = torch.cat([radius * angle.cos(), radius * angle.sin()], dim=-1)
        return both[..., :size].reshape(*self.start.shape, *shape)

    def field(self, height: int, width: int) -> Tensor:
        """Return smooth fields (B, 1, H, W) of patches, from 0 to 1, half of them above a half on average.

        A sum of random grids, each twice as fine and about half as strong as the one before, as clouds are.
        """
        grids, side = [], _LARGEST_CELL
        while True:
            grids.append(side + 1)
            if side >= max(height, width):
                break
            side *= 2
        numbers = self.normal(sum(grid * grid for grid in grids))
        total, weight, used = torch.zeros(1, device=numbers.device), 0.0, 0
        for octave, grid in enumerate(grids):
            part = numbers[:, used : used + grid * grid].reshape(-1, 1, grid, grid)
            smooth = F.interpolate(part, size=(height, width), mode="bilinear", align_corners=True)
            total = total + _ROUGHNESS**octave * smooth
            weight, used = weight + _ROUGHNESS ** (2 * octave), used + grid * grid
        return torch.sigmoid(_CONTRAST / math.sqrt(weight) * total)

    def _bits(self, size: int) -> Tensor:
        """The first 64-bit numbers of each stream, (..., size)."""
        steps = torch.arange(1, size + 1, device=self.start.device) * _GOLDEN
        return _mix(self.start[..., None] + steps)


def _mix(bits: Tensor) -> Tensor:
    """SplitMix64's hash of 64-bit numbers; products wrap around."""
    bits = (bits ^ _shifted(bits, 30)) * _MIX_1
    bits = (bits ^ _shifted(bits, 27)) * _MIX_2
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Shift right, zeros coming in: a signed number brings its sign."""
    return (bits >> by) & ((1 << (64 - by)) - 1)


def _uniform(bits: Tensor) -> Tensor:
    """Numbers between 0 and 1 from 32 bits: the upper 23 of them and a half, which float32 holds."""
    return ((bits >> 9).float() + 0.5) * 2.0**-23
