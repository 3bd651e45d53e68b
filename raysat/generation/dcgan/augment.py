"""What a GAN's patches go through before its discriminator sees them, so that a few real ones last.

Reals and fakes alike are shifted, cut out and brightened at random (DiffAugment, Zhao et al. 2020, in every update of
both networks): the discriminator cannot tell a known patch by heart, and as the generator's gradients pass through the
same operations, it does not learn to make shifted or cut patches.

Random numbers are drawn on the host, so they are the same on every device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.training.device import channels_last

_SHIFT: Final = 0.125  # of a side, at most; Zhao et al.'s
_CUT: Final = 0.5  # of a side; theirs
_BRIGHTNESS: Final = 0.1  # of the full scale up or down, at most, by band: theirs, 0.25, hides what tells bands apart
_GREY: Final = 0.0  # what cut and shifted-in pixels become, in [-1, 1]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffAugmentParams:
    """Random decisions of DiffAugment for B patches of C bands."""

    rows: Floats  # (B, H, H), a shift down or up as a matrix of zeros and ones
    columns: Floats  # (B, W, W), a shift right or left
    kept_rows: Floats  # (B, H), 0 where the cut-out square lies
    kept_columns: Floats  # (B, W)
    brightness: Floats  # (B, C), added


def draw(patches: int, bands: int, size: tuple[int, int], rng: np.random.Generator) -> DiffAugmentParams:
    """Draw and return the decisions for a batch of patches.

    Args:
        patches: in the batch.
        bands: of a patch.
        size: height and width of a patch, pixels.
        rng: what draws.
    """
    shifts, kept = [], []
    for side in size:
        most = round(_SHIFT * side)
        source = np.arange(side) - rng.integers(-most, most + 1, size=(patches, 1))  # of each row or column
        shifts.append((source[:, :, None] == np.arange(side)).astype(np.float32))
        length = round(_CUT * side)
        first = rng.integers(-(length // 2), side - length // 2, size=(patches, 1))  # centred on any pixel
        place = np.arange(side) - first
        kept.append(((place < 0) | (place >= length)).astype(np.float32))
    brightness = rng.uniform(-2 * _BRIGHTNESS, 2 * _BRIGHTNESS, size=(patches, bands)).astype(np.float32)
    return DiffAugmentParams(
        rows=shifts[0], columns=shifts[1], kept_rows=kept[0], kept_columns=kept[1], brightness=brightness
    )


def diff_augment(patches_BCHW: Tensor, params: DiffAugmentParams) -> Tensor:
    """Brighten, shift and cut patches in [-1, 1] (which they may then leave); differentiable."""

    def device(values: npt.NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(patches_BCHW.device, non_blocking=True)

    bright = patches_BCHW + device(params.brightness)[..., None, None]
    moved = device(params.rows)[:, None] @ bright @ device(params.columns)[:, None].mT
    kept = (device(params.kept_rows)[:, None, :, None] + device(params.kept_columns)[:, None, None, :]).clamp(max=1.0)
    augmented_BCHW: Tensor = _GREY + (moved - _GREY) * kept
    return channels_last(augmented_BCHW)
