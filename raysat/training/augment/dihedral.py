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

    Bit 0 turns the rows upside down, bit 1 reverses the columns, bit 2 then exchanges rows and columns: three steps for
    all patches, each kept where its bit is set, so that nothing depends on what was drawn.
    """
    bit_B111 = symmetry_B[:, None, None, None]
    moved_BCHW = torch.where((bit_B111 & 1).bool(), patches_BCHW.flip(2), patches_BCHW)
    moved_BCHW = torch.where((bit_B111 & 2).bool(), moved_BCHW.flip(3), moved_BCHW)
    if patches_BCHW.shape[2] != patches_BCHW.shape[3]:
        return moved_BCHW
    return torch.where((bit_B111 & 4).bool(), moved_BCHW.transpose(2, 3), moved_BCHW)
