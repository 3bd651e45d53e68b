"""Whom patches are mixed with, and by which shares: mixup and what came of it.

As in the authors' codes, a batch has one weight. Mixed are the normalised patches and, instead of one-hot labels, the
losses: for the cross-entropy, which is linear in its target, the two are the same, and any other loss has its
counterpart too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def balanced(labels_N: npt.NDArray[np.uint8], counts_K: npt.NDArray[np.int64]) -> Floats:
    """Return the cumulative probability (N,) of drawing each training patch so that all classes are as likely.

    As by the inverse_frequency sampler, a patch's probability is proportional to 1 / n_c of its class; that of
    generated ones, too, where n_c counts the real ones alone.

    Args:
        labels_N: class of each training patch.
        counts_K: n_c.
    """
    weights_N = 1.0 / counts_K[labels_N]
    cumulative_N = np.cumsum(weights_N)
    found_N: Floats = cumulative_N / cumulative_N[-1]
    return found_N


def draw_balanced(cumulative_N: Floats, patches: int, rng: np.random.Generator) -> Ints:
    """Draw and return positions of training patches, with replacement.

    Args:
        cumulative_N: as of ``balanced``.
        patches: how many.
        rng: what draws.
    """
    return np.searchsorted(cumulative_N, rng.random(patches), side="right")


def remix_shares(
    lam: float,
    own_counts_B: npt.NDArray[np.int64],
    partner_counts_B: npt.NDArray[np.int64],
    *,
    kappa: float,
    tau: float,
) -> Floats:
    """Return what Remix gives each patch's own label and its partner's, (2, B) (Chou et al. 2020, eq. 10).

    A patch whose class has ``kappa`` times the partner's patches or more loses its label where its share of the pixels
    is below ``tau``, and so does such a partner; all others have the shares of the pixels.

    Args:
        lam: each patch's share of the pixels.
        own_counts_B: n_c of the patches' classes.
        partner_counts_B: n_c of the partners'.
        kappa: above 1.
        tau: from 0 to 1.
    """
    ratio_B = own_counts_B / partner_counts_B
    partner_alone_B = (ratio_B >= kappa) & (lam < tau)
    own_alone_B = (ratio_B <= 1 / kappa) & (1 - lam < tau)
    own_B = np.where(partner_alone_B, 0.0, np.where(own_alone_B, 1.0, lam))
    return np.stack((own_B, 1 - own_B))
