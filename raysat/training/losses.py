"""Losses by patch, class weights, and how both become the loss of a batch.

Everything is computed by patch in float32 and summed with shares that add up to one over the whole batch, on however
many data-parallel ranks its patches lie.
"""

from __future__ import annotations

import math
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor

from raysat.spec import AugMix, Config, CrossEntropy, Drw, Ldam, Loss, NoAugment, NoReweight, Reweight

Floats = npt.NDArray[np.float64]


def margins(loss: Loss, counts: npt.NDArray[Any]) -> Floats:
    """Margin of each class, shape (K,); zero for a loss that has none.

    LDAM: C / n_c^(1/4), the largest being ``max_margin`` (Cao et al. 2019, section 3.2).
    """
    match loss:
        case CrossEntropy():
            return np.zeros(len(counts))
        case Ldam():
            raw: Floats = (counts / counts.min()) ** -0.25
            return loss.max_margin * raw
        case _:
            assert_never(loss)


def batch_loss(
    config: Config,
    logits_VBK: Tensor,
    labels_B: Tensor,
    *,
    margins_K: Tensor,
    weighted_B: Tensor,
    even_B: Tensor,
) -> Tensor:
    """Return the loss of a batch of V views, the clean one first: supervised on that, consistent over all.

    ``weighted_B`` and ``even_B`` are each patch's share of the class-weighted and the plain mean (``sampling.shard``).
    """
    supervised = patch_losses(config.loss, logits_VBK[0], labels_B, margins_K) @ weighted_B
    match config.augment:
        case NoAugment():
            return supervised
        case AugMix(jsd_weight=jsd_weight):
            return supervised + jsd_weight * (jensen_shannon(posterior_logits(config.loss, logits_VBK)) @ even_B)
        case _:
            assert_never(config.augment)


def patch_losses(loss: Loss, logits_BK: Tensor, labels_B: Tensor, margins_K: Tensor) -> Tensor:
    """Return the loss of each patch, shape (B,), float32; ``margins_K`` as of ``margins``."""
    logits_BK = logits_BK.float()
    match loss:
        case CrossEntropy():
            pass
        case Ldam():
            own_BK = F.one_hot(labels_B, logits_BK.shape[1])
            logits_BK = loss.scale * (logits_BK - own_BK * margins_K)
        case _:
            assert_never(loss)
    return F.cross_entropy(logits_BK, labels_B, reduction="none")


def posterior_logits(loss: Loss, logits_BK: Tensor) -> Tensor:
    """Return the logits, float32, whose softmax is the class posterior that a loss trains.

    LDAM trains softmax(scale * z); the margin is for training alone.
    """
    match loss:
        case CrossEntropy():
            return logits_BK.float()
        case Ldam():
            return loss.scale * logits_BK.float()
        case _:
            assert_never(loss)


def jensen_shannon(logits_VBK: Tensor) -> Tensor:
    """Jensen-Shannon consistency of V views of each patch, shape (B,), float32 (Hendrycks et al. 2020, eq. 2).

    The mean over views of KL(p_v || mixture), the mixture clamped to [1e-7, 1] as in the authors' code.
    """
    log_p_VBK = F.log_softmax(logits_VBK.float(), dim=-1)
    p_VBK = log_p_VBK.exp()
    log_mixture_BK = p_VBK.mean(dim=0).clamp(1e-7, 1.0).log()
    return (p_VBK * (log_p_VBK - log_mixture_BK)).sum(dim=-1).mean(dim=0)


def switch_epoch(reweight: Drw, epochs: int) -> int:
    """Return the first reweighted epoch (0-based): the one in which the point ``switch`` of training falls.

    0.8 of 40 epochs is epoch index 32; a switch below 1 reweights at least the last epoch, a switch of 1 none.
    """
    return math.floor(reweight.switch * epochs + 1e-9)  # 0.29 * 100 is 28.999...


def class_weights(reweight: Reweight, counts: npt.NDArray[Any], *, epoch: int, epochs: int) -> Floats:
    """Return the weight of each class in an epoch (0-based), summing to K."""
    match reweight:
        case NoReweight():
            return np.ones(len(counts))
        case Drw():
            late = epoch >= switch_epoch(reweight, epochs)
            return class_balanced(counts, reweight.beta) if late else np.ones(len(counts))
        case _:
            assert_never(reweight)


def class_balanced(counts: npt.NDArray[Any], beta: float) -> Floats:
    """Class-balanced weights (1 - b) / (1 - b^n_c), normalised to sum K (Cui et al. 2019).

    1 - b^n is -expm1(n ln b), which keeps its digits where b is near 1; 1 - b cancels in the normalisation.
    """
    log_beta = math.log(beta) if beta > 0 else -math.inf
    weights: Floats = -1.0 / np.expm1(counts.astype(np.float64) * log_beta)
    weights *= len(counts) / weights.sum()
    return weights
