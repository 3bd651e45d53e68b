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


def transform(patches_BCHW: Tensor, symmetry_B: Ints) -> Tensor:
    """Return the patches, each under its symmetry; pixels move and keep their values.

    Which patches share a symmetry is known on the host: each of the eight runs once, on its rows.
    """
    moved_BCHW = torch.empty_like(patches_BCHW)
    for symmetry in range(8):
        rows = np.flatnonzero(symmetry_B == symmetry)
        if len(rows):
            index = torch.from_numpy(rows).to(patches_BCHW.device, non_blocking=True)
            moved_BCHW.index_copy_(0, index, _apply(symmetry, patches_BCHW.index_select(0, index)))
    return moved_BCHW


def _apply(symmetry: int, patches_BCHW: Tensor) -> Tensor:
    """Bit 0 turns the rows upside down, bit 1 reverses the columns, bit 2 then exchanges rows and columns."""
    axes = [axis for bit, axis in ((1, 2), (2, 3)) if symmetry & bit]
    flipped_BCHW = patches_BCHW.flip(axes) if axes else patches_BCHW
    return flipped_BCHW.transpose(2, 3) if symmetry & 4 else flipped_BCHW
