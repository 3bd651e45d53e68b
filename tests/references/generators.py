"""The Gaussian that a flow starts from, beside SciPy's cosine transform and NumPy's Cholesky factors."""

from __future__ import annotations

import numpy as np
import scipy.fft
import torch

from raysat.generation.flow.field import Field
from tests.references.registry import Pair, compared


@compared("synthetic.flow", by="draws of its Gaussian by SciPy's DCT-II and NumPy's Cholesky factors", within=1e-4)
def _draws_of_the_gaussian() -> Pair:
    rng = np.random.default_rng(0)
    patches = rng.standard_normal((12, 3, 16, 24)).cumsum(axis=3)
    patches = ((patches - patches.mean((0, 2, 3), keepdims=True)) / patches.std()).astype(np.float32)
    white = rng.standard_normal((4, 3, 16, 24)).astype(np.float32)
    coefficients = scipy.fft.dctn(patches.astype(np.float64), axes=(2, 3), norm="ortho")
    radius = np.round(np.hypot(np.arange(16)[:, None] * 1.5, np.arange(24)[None]))
    drawn = np.empty(white.shape)
    for ring in np.unique(radius):
        at = radius == ring
        of_ring = np.concatenate(list(np.moveaxis(coefficients[:, :, at], 1, 2)))
        covariance = of_ring.T @ of_ring / len(of_ring)
        variances = np.diag(np.diag(covariance))
        root = np.linalg.cholesky(0.95 * covariance + 0.05 * variances + 1e-8 * variances)
        drawn[:, :, at] = np.einsum("ij,njp->nip", root, white[:, :, at])
    wanted = scipy.fft.idctn(drawn, axes=(2, 3), norm="ortho")
    return Field(torch.from_numpy(patches)).draw(torch.from_numpy(white)), wanted
