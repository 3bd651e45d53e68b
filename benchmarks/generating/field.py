"""The Gaussian of a class: how strongly each spatial frequency varies, and how bands go together at it."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

_SHRINK: Final = 0.05  # of the covariances between bands, towards none: the lowest frequency has a sample a patch
_LEAST: Final = 1e-8  # of a variance, so that a matrix of few samples has a root


def dct_matrix(side: int) -> Tensor:
    """Orthonormal DCT-II (Ahmed et al. 1974), (side, side): rows are frequencies. It needs no periodic borders."""
    index = np.arange(side)
    matrix = np.cos(np.pi * (index[None] + 0.5) * index[:, None] / side) * np.sqrt(2 / side)
    matrix[0] /= np.sqrt(2)
    return torch.from_numpy(matrix.astype(np.float32))


class Field:
    """A Gaussian random field with the second moments of a class's square patches, the same in all directions."""

    def __init__(self, patches_NCHW: Tensor) -> None:
        """Measure the covariance of bands at each radial frequency.

        Args:
            patches_NCHW: of one class, each band with mean 0.
        """
        bands, side = patches_NCHW.shape[1:3]
        self.dct = dct_matrix(side)
        index = np.arange(side)
        self.radius_HW = torch.from_numpy(np.round(np.hypot(index[:, None], index[None])).astype(np.int64))
        coefficients_NCHW = self.dct @ patches_NCHW @ self.dct.T
        radii = int(self.radius_HW.max()) + 1
        self.roots_RCC, self.variances_RC = torch.zeros(radii, bands, bands), torch.zeros(radii, bands)
        for radius in range(radii):
            samples_SC = coefficients_NCHW[:, :, self.radius_HW == radius].permute(0, 2, 1).reshape(-1, bands).double()
            covariance_CC = samples_SC.T @ samples_SC / len(samples_SC)
            variance_C = covariance_CC.diagonal().clone().clamp_min(1e-12)
            shrunk_CC = (1 - _SHRINK) * covariance_CC + _SHRINK * torch.diag(variance_C)
            self.variances_RC[radius] = variance_C.float()
            self.roots_RCC[radius] = torch.linalg.cholesky(shrunk_CC + _LEAST * torch.diag(variance_C)).float()

    def draw(self, white_NCHW: Tensor) -> Tensor:
        """Turn numbers of N(0, 1), taken as coefficients of the DCT, into patches of the class's Gaussian."""
        coefficients_NCHW = torch.einsum("hwij,njhw->nihw", self.roots_RCC[self.radius_HW], white_NCHW)
        return self.dct.T @ coefficients_NCHW @ self.dct
