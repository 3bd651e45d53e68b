"""The Gaussian of a class: how strongly each spatial frequency varies, and how bands go together at it."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

_SHRINK: Final = 0.05  # of the covariances between bands, towards none: the lowest frequency has a sample a patch
_LEAST: Final = 1e-8  # of a variance, so that a matrix of few samples has a root
_CONSTANT: Final = 1e-12  # variance that a band without any is given


def dct_matrix(side: int) -> Tensor:
    """Orthonormal DCT-II (Ahmed et al. 1974), (side, side): rows are frequencies. It needs no periodic borders."""
    index = np.arange(side)
    matrix = np.cos(np.pi * (index[None] + 0.5) * index[:, None] / side) * np.sqrt(2 / side)
    matrix[0] /= np.sqrt(2)
    return torch.from_numpy(matrix.astype(np.float32))


class Field:
    """A Gaussian random field with the second moments of a class's patches, the same in all directions."""

    def __init__(self, patches_NCHW: Tensor) -> None:
        """Measure the covariance of bands at each radial frequency.

        Args:
            patches_NCHW: of one class, each band with mean 0.
        """
        bands, height, width = patches_NCHW.shape[1:]
        self._down, self._across = (dct_matrix(side).to(patches_NCHW.device) for side in (height, width))
        longer = max(height, width)  # frequencies in cycles a pixel, in steps of the finer axis
        index_H, index_W = np.arange(height) * (longer / height), np.arange(width) * (longer / width)
        radius_P = np.round(np.hypot(index_H[:, None], index_W[None])).ravel().astype(np.int64)
        rings = [np.flatnonzero(radius_P == radius) for radius in range(int(radius_P.max()) + 1)]
        self._rings = [torch.from_numpy(ring).to(patches_NCHW.device) for ring in rings if len(ring)]
        coefficients_NCP = self.to_frequencies(patches_NCHW).flatten(2)
        self._roots: list[Tensor] = []
        variances_CP = torch.empty_like(coefficients_NCP[0])
        for ring in self._rings:
            samples_SC = coefficients_NCP[:, :, ring].permute(0, 2, 1).reshape(-1, bands).double()
            covariance_CC = samples_SC.T @ samples_SC / len(samples_SC)
            variance_C = covariance_CC.diagonal().clone().clamp_min(_CONSTANT)
            shrunk_CC = (1 - _SHRINK) * covariance_CC + _SHRINK * torch.diag(variance_C)
            self._roots.append(torch.linalg.cholesky(shrunk_CC + _LEAST * torch.diag(variance_C)).float())
            variances_CP[:, ring] = variance_C.float()[:, None]
        self.variances_CHW = variances_CP.reshape(bands, height, width)  # of each frequency

    def to_frequencies(self, patches_NCHW: Tensor) -> Tensor:
        """Coefficients of the DCT (N, C, H, W) of patches."""
        coefficients_NCHW: Tensor = self._down @ patches_NCHW @ self._across.T
        return coefficients_NCHW

    def to_patches(self, coefficients_NCHW: Tensor) -> Tensor:
        """Patches (N, C, H, W) of coefficients."""
        patches_NCHW: Tensor = self._down.T @ coefficients_NCHW @ self._across
        return patches_NCHW

    def draw(self, white_NCHW: Tensor) -> Tensor:
        """Turn numbers of N(0, 1), taken as coefficients of the DCT, into patches of the class's Gaussian."""
        white_NCP = white_NCHW.flatten(2)
        coefficients_NCP = torch.empty_like(white_NCP)
        for ring, root_CC in zip(self._rings, self._roots, strict=True):
            coefficients_NCP[:, :, ring] = root_CC @ white_NCP[:, :, ring]
        return self.to_patches(coefficients_NCP.reshape(white_NCHW.shape))
