"""Random symmetries of the square for batches of patches: flips and quarter turns, exact to the pixel.

A satellite looks straight down, so a scene has no up and no handedness: its label is the same however the patch is
turned or mirrored. The eight symmetries of the square (the dihedral group D4) are all combinations of three steps; the
four without the last one also keep the shape of a patch that is not square.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Ints = npt.NDArray[np.int64]


def draw(patches: int, rng: np.random.Generator, *, square: bool) -> Ints:
    """Draw a symmetry for each patch; return numbers below eight or four, shape (B,).

    Args:
        patches: in the batch.
        rng: what draws.
        square: whether height and width are equal; else the four symmetries that keep the shape are drawn from.
    """
    return rng.integers(8 if square else 4, size=patches)


def transform(patches_BCHW: Tensor, symmetry_B: Tensor) -> Tensor:
    """Return the patches, each under its symmetry; pixels move and keep their values.

    Where each pixel comes from is looked up, so that nothing waits for which symmetries there are.
    """
    height, width = patches_BCHW.shape[2:]
    source_SP = _sources(height, width, patches_BCHW.device)
    source_BCP = source_SP.index_select(0, symmetry_B)[:, None].expand(-1, patches_BCHW.shape[1], -1)
    return patches_BCHW.flatten(2).gather(2, source_BCP).view(patches_BCHW.shape)


def symmetries(patches_BCHW: Tensor) -> list[Tensor]:
    """Return the patches under each of the eight symmetries, or the four that keep a shape that is not square."""
    flipped = [patches_BCHW, *(patches_BCHW.flip(dims) for dims in ((2,), (3,), (2, 3)))]
    is_square = patches_BCHW.shape[2] == patches_BCHW.shape[3]
    return flipped + ([each_BCHW.transpose(2, 3) for each_BCHW in flipped] if is_square else [])


def _sources(height: int, width: int, device: torch.device) -> Tensor:
    """The pixel that each pixel comes from, under each symmetry (S, H * W).

    Bit 0 turns the rows upside down, bit 1 reverses the columns, bit 2 then exchanges rows and columns.
    """
    pixel_HW = torch.arange(height * width, device=device).view(height, width)
    flipped = [pixel_HW, pixel_HW.flip(0), pixel_HW.flip(1), pixel_HW.flip(0, 1)]
    turned = [each_HW.T for each_HW in flipped] if height == width else []
    return torch.stack(flipped + turned).flatten(1)
