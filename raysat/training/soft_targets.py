"""Losses whose target is spread over all classes.

Where classes are weighted, what falls on a class counts with its weight, as in PyTorch: the losses here are of patches
whose weight in the mean is proportional to that of their true class y, so that class c counts w_c / w_y in them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def smoothed(logits_BK: Tensor, labels_B: Tensor, smoothing_B: Tensor, weights_K: Tensor) -> Tensor:
    """Return cross-entropies (B,) with labels that are smoothed each by its own share.

    The share is spread over all classes, the true one included, as in the code of Zhong et al. 2021 and in PyTorch;
    their eq. 5 spreads it over the others alone.

    Args:
        logits_BK: float32.
        labels_B: int64.
        smoothing_B: share of each target that is spread.
        weights_K: what each class counts, float32.
    """
    return _spread(-F.log_softmax(logits_BK, dim=1), labels_B, smoothing_B, weights_K)


def asymmetric(
    logits_BK: Tensor,
    labels_B: Tensor,
    weights_K: Tensor,
    *,
    gamma_pos: float,
    gamma_neg: float,
    smoothing: float,
) -> Tensor:
    """Return asymmetric losses (B,) of one label a patch: ``ASLSingleLabel`` of the code of Ridnik et al. 2021.

    Their eq. 7 is of many labels, each a sigmoid, and has a margin that their code for one label leaves out.

    Args:
        logits_BK: float32.
        labels_B: int64.
        weights_K: what each class counts, float32.
        gamma_pos: exponent of 1 - p of the true class.
        gamma_neg: exponent of p of the others.
        smoothing: share of the target that is spread over all classes.
    """
    log_p_BK = F.log_softmax(logits_BK, dim=1)
    # 1 - p is -expm1(log p); at 0 its power has no finite slope where gamma_pos < 1.
    wrong_BK = (-torch.expm1(log_p_BK)).clamp_min(torch.finfo(torch.float32).tiny)
    own_BK = labels_B[:, None] == torch.arange(logits_BK.shape[1], device=labels_B.device)
    focus_BK = torch.where(own_BK, wrong_BK**gamma_pos, (gamma_neg * log_p_BK).exp())
    return _spread(-focus_BK * log_p_BK, labels_B, smoothing, weights_K)


def _spread(nats_BK: Tensor, labels_B: Tensor, smoothing: float | Tensor, weights_K: Tensor) -> Tensor:
    """What each class would cost, summed with smoothed targets."""
    own_B = nats_BK.gather(1, labels_B[:, None]).squeeze(1)
    spread_B = (nats_BK * (weights_K / weights_K[labels_B][:, None])).mean(dim=1)
    return (1 - smoothing) * own_B + smoothing * spread_B
