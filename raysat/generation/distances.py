"""Distances between sets: of features (KID), of values (Wasserstein) and of patches (diversity, nearest neighbours)."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import wasserstein_distance
from torch import Tensor

from raysat.training.augment import dihedral

Floats = npt.NDArray[np.float64]

_SUBSET: Final = 1000  # features a side at a time, as Binkowski et al. have it
_SUBSETS: Final = 20
_VALUES: Final = 300_000  # a side; a larger set is thinned evenly
_CHUNK: Final = 256  # patches at a time


def kernel_distance(one_ND: Floats, other_MD: Floats, rng: np.random.Generator) -> float | None:
    """KID (Binkowski et al. 2018): unbiased squared MMD with the kernel (x . y / D + 1)^3; it can fall below 0.

    Sets over 1000 are compared by the mean of 20 random subsets of 1000; return None where a set holds fewer than two.

    Args:
        one_ND: features of one set.
        other_MD: features of the other.
        rng: what draws the subsets.
    """
    if min(len(one_ND), len(other_MD)) < 2:
        return None
    if max(len(one_ND), len(other_MD)) <= _SUBSET:
        return _squared_mmd(one_ND, other_MD)
    subsets = [
        [rng.choice(side, size=min(_SUBSET, len(side)), replace=False) for side in (one_ND, other_MD)]
        for _ in range(_SUBSETS)
    ]
    return float(np.mean([_squared_mmd(one, other) for one, other in subsets]))


def _squared_mmd(one_ND: Floats, other_MD: Floats) -> float:
    def kernel(a: Floats, b: Floats) -> Floats:
        similar: Floats = (a @ b.T / a.shape[1] + 1.0) ** 3
        return similar

    def within(a: Floats) -> float:
        similar = kernel(a, a)
        return float((similar.sum() - np.trace(similar)) / (len(a) * (len(a) - 1)))

    return within(one_ND) + within(other_MD) - 2.0 * float(kernel(one_ND, other_MD).mean())


def value_distance(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float | None:
    """1-Wasserstein distance of two sets of values, in their unit; None where one is empty."""
    if not (one.size and other.size):
        return None
    return float(wasserstein_distance(_thinned(one), _thinned(other)))


def _thinned(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    # A stride that is no divisor of the usual sides, so that not one column alone is taken.
    stride = -(-values.size // _VALUES)
    return values.ravel()[:: stride | 1]


def mean_pairwise(patches_NCHW: Tensor) -> float | None:
    """Mean root-mean-square difference over all pairs of patches; None for fewer than two."""
    if len(patches_NCHW) < 2:
        return None
    flat_NP = patches_NCHW.flatten(1)
    return float(torch.pdist(flat_NP).mean()) / math.sqrt(flat_NP.shape[1])


def nearest(patches_NCHW: Tensor, real_MCHW: Tensor, *, same: bool = False) -> Tensor:
    """Return how far (N,) each patch is from its nearest real one, under any symmetry of the rectangle.

    The distance is the root-mean-square difference.

    Args:
        patches_NCHW: patches.
        real_MCHW: real patches of the same shape.
        same: the patches are the first N of the real ones, and each leaves itself (in all symmetries) out.
    """
    flat_NP = patches_NCHW.flatten(1)
    least_N = torch.full((len(flat_NP),), torch.inf, device=flat_NP.device)
    nearest_NP = torch.zeros_like(flat_NP)
    symmetries = 8 if real_MCHW.shape[2] == real_MCHW.shape[3] else 4
    for start in range(0, len(real_MCHW), _CHUNK):
        chunk_mCHW = real_MCHW[start : start + _CHUNK]
        for symmetry in range(symmetries):
            symmetry_m = torch.full((len(chunk_mCHW),), symmetry, device=chunk_mCHW.device)
            flat_mP = dihedral.transform(chunk_mCHW, symmetry_m).flatten(1)
            squared_Nm = flat_mP.square().sum(dim=1) - 2.0 * flat_NP @ flat_mP.T  # but for each patch's own norm
            if same:
                ranks = torch.arange(start, start + len(flat_mP), device=flat_NP.device)
                squared_Nm[torch.arange(len(flat_NP), device=flat_NP.device)[:, None] == ranks] = torch.inf
            value_N, position_N = squared_Nm.min(dim=1)
            closer_N = value_N < least_N
            least_N = torch.where(closer_N, value_N, least_N)
            nearest_NP[closer_N] = flat_mP[position_N[closer_N]]
    return (flat_NP - nearest_NP).square().mean(dim=1).sqrt()  # anew: the short cut above loses digits near 0
