"""Augmentations of whole bands of normalised patches, with any number of bands: bands left out, and spectral jitter.

Noise has a number for each pixel of each band, too many to draw on the host and copy for each step. It is computed on
the device from one number a patch that was drawn on the host: integers, mixed by the finaliser of SplitMix64 (Steele
et al. 2014), become normal by Box & Muller 1958. Thus it is the same on whichever worker and in whichever order.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.config.families.images import BandDropout, SpectralJitter

Floats = npt.NDArray[np.float32]
_SEEDS: Final = 2**63
# As in SplitMix64, in two's complement.
_STEP: Final = 0x9E3779B97F4A7C15 - 2**64
_FIRST: Final = 0xBF58476D1CE4E5B9 - 2**64
_SECOND: Final = 0x94D049BB133111EB - 2**64
_HALF: Final = 2**24  # levels of a uniform number of float32, of which an integer gives two


def draw_kept(dropout: BandDropout, patches: int, bands: int, rng: np.random.Generator) -> Floats:
    """Draw which bands of each patch stay; return 1 for these and 0 for others, (B, C).

    Where none would stay, one of them does, any as likely.

    Args:
        dropout: how likely a band is left out.
        patches: in the batch.
        bands: of a patch.
        rng: what draws.
    """
    kept_BC = rng.random((patches, bands)) >= dropout.probability
    saved_B = rng.integers(bands, size=patches)
    kept_BC[np.arange(patches), saved_B] |= ~kept_BC.any(axis=1)
    return kept_BC.astype(np.float32)


def leave_out(normal_BCHW: Tensor, kept_BC: Tensor) -> Tensor:
    """Return normalised patches whose bands are 0, their mean in training, where ``kept_BC`` is."""
    return normal_BCHW * kept_BC[:, :, None, None]


def draw_jitter(
    jitter: SpectralJitter, patches: int, bands: int, rng: np.random.Generator
) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Draw and return the gains and offsets of each patch's bands, (B, C), and what its noise follows from, (B,).

    Args:
        jitter: their ranges.
        patches: in the batch.
        bands: of a patch.
        rng: what draws.
    """
    gain_BC = rng.uniform(1.0 - jitter.gain, 1.0 + jitter.gain, (patches, bands))
    offset_BC = rng.uniform(-jitter.offset, jitter.offset, (patches, bands))
    return gain_BC.astype(np.float32), offset_BC.astype(np.float32), rng.integers(_SEEDS, size=patches)


def jittered(normal_BCHW: Tensor, gain_BC: Tensor, offset_BC: Tensor, seed_B: Tensor, *, noise: float) -> Tensor:
    """Return normalised patches with other gains, offsets and, beside 0, noise (Chen et al. 2016).

    The paper's virtual samples are a spectrum times one random factor, and weighted Gaussian noise. Here each band has
    a factor and an offset.

    Args:
        normal_BCHW: patches, of zero mean and unit deviation per band.
        gain_BC: about the mean.
        offset_BC: in deviations.
        seed_B: int64, of each patch's noise.
        noise: its deviation.
    """
    changed_BCHW = torch.addcmul(offset_BC[:, :, None, None], normal_BCHW, gain_BC[:, :, None, None])
    if noise:
        noise_BP = normal_noise(seed_B, normal_BCHW[0].numel())
        changed_BCHW.add_(noise_BP.view(normal_BCHW.shape), alpha=noise)
    return changed_BCHW


def normal_noise(seed_B: Tensor, count: int) -> Tensor:
    """Return standard normal numbers that follow from one integer a row, (B, count) float32.

    Args:
        seed_B: int64, not below 0.
        count: numbers a row.
    """
    step_Q = torch.arange(1, (count + 1) // 2 + 1, device=seed_B.device) * _STEP
    mixed_BQ = step_Q + seed_B[:, None]
    for shift, factor in ((30, _FIRST), (27, _SECOND), (31, None)):
        mixed_BQ ^= (mixed_BQ >> shift) & (2 ** (64 - shift) - 1)  # torch's shift repeats the sign
        if factor is not None:
            mixed_BQ *= factor
    high_BQ = ((mixed_BQ >> 40) & (_HALF - 1)).float().add_(0.5).div_(_HALF)  # within (0, 1)
    low_BQ = ((mixed_BQ >> 8) & (_HALF - 1)).float().mul_(2 * math.pi / _HALF)
    radius_BQ = high_BQ.log_().mul_(-2.0).sqrt_()
    return torch.cat((radius_BQ * low_BQ.cos(), radius_BQ * low_BQ.sin()), dim=1)[:, :count]
