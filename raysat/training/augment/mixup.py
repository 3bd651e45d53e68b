"""Mixup (Zhang et al. 2018, eq. 1): each patch of a batch combined with a partner from the same batch.

As in the authors' code, a batch has one weight, drawn from Beta(alpha, alpha), and the partners are a permutation of
it. Mixed are the normalised patches and, instead of one-hot labels, the losses: for the cross-entropy, which is linear
in its target, the two are the same, and any other loss has its counterpart too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.config.families.mixing import MixUp, Remix


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Who is mixed with whom in a batch of B patches; the same on every data-parallel rank."""

    lam: float  # lambda, the weight of a patch in its mixture; its partner has 1 - lam
    partners: npt.NDArray[np.int64]  # (B,), positions in the batch, for mixup a permutation; or beyond it

    @property
    def shares(self) -> Tensor:
        """Of a patch and of its partner, (2,)."""
        return torch.tensor([self.lam, 1.0 - self.lam])


def mix(own_BCHW: Tensor, partner_BCHW: Tensor, shares_2: Tensor) -> Tensor:
    """Return patches combined with their partners, each with its share.

    Args:
        own_BCHW: patches.
        partner_BCHW: their partners.
        shares_2: of a patch and of its partner (``Pairs.shares``).
    """
    return shares_2[0] * own_BCHW + shares_2[1] * partner_BCHW


def draw(mixup: MixUp | Remix, patches: int, rng: np.random.Generator) -> Pairs:
    """Draw and return the weight and the partners of a batch.

    Args:
        mixup: ``alpha`` of the weight's distribution.
        patches: in the batch.
        rng: what draws.
    """
    return Pairs(lam=float(rng.beta(mixup.alpha, mixup.alpha)), partners=rng.permutation(patches))
