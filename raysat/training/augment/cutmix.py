"""CutMix (Yun et al. 2019): a box of each patch is replaced by that of a partner from the same batch.

As in the authors' code, a batch has one box: its sides are sqrt(1 - lambda) of a patch's (eq. 2), its centre is any
pixel, and what lies beyond the edge is cut off. Labels have the shares of the pixels that this leaves.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from raysat.config.families.mixing import CutMix


class Box(NamedTuple):
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right``, the ends left out; empty where nothing is mixed."""

    top: int
    bottom: int
    left: int
    right: int

    def share(self, height: int, width: int) -> float:
        """Return the share of a patch's pixels that lie outside: lambda, as it is then."""
        return 1.0 - (self.bottom - self.top) * (self.right - self.left) / (height * width)


def draw(cutmix: CutMix, height: int, width: int, rng: np.random.Generator) -> Box:
    """Draw and return the box of a batch.

    Args:
        cutmix: how likely there is one, and the distribution of its size.
        height: of the patches.
        width: of the patches.
        rng: what draws; as many numbers in any case.
    """
    mixes = rng.random() < cutmix.probability
    lam = float(rng.beta(cutmix.alpha, cutmix.alpha))
    ends = [_side(int(rng.integers(length)), length, lam) for length in (height, width)]
    return Box(*ends[0], *ends[1]) if mixes else Box(0, 0, 0, 0)


def _side(centre: int, length: int, lam: float) -> tuple[int, int]:
    half = int(length * math.sqrt(1.0 - lam)) // 2
    return max(0, centre - half), min(length, centre + half)


def paste(own_BCHW: Tensor, partner_BCHW: Tensor, box_4: Tensor) -> Tensor:
    """Return patches with a box of their partners.

    Args:
        own_BCHW: patches.
        partner_BCHW: their partners.
        box_4: as of ``Box``, int64 on the patches' device: which pixels lie in it is looked up there.
    """
    height, width = own_BCHW.shape[2:]
    top, bottom, left, right = box_4.unbind()
    row_H, column_W = (torch.arange(length, device=box_4.device) for length in (height, width))
    inside_HW = ((row_H >= top) & (row_H < bottom))[:, None] & ((column_W >= left) & (column_W < right))
    return torch.where(inside_HW, partner_BCHW, own_BCHW)
