"""Losses of ordered classes by patch, and the class probabilities of networks that give a score for each step.

Labels y are 0 to K - 1; T = K - 1 are the steps: the k-th is from class k to k + 1. Everything is float32, and stays
finite whatever the scores are.
"""

from __future__ import annotations

from typing import Literal, assert_never

import torch
import torch.nn.functional as F
from torch import Tensor

from raysat.config.families.ordinal import CdwCe, Coral, Corn, Emd2, SoftOrdinal

OrdinalLoss = Corn | Coral | CdwCe | Emd2 | SoftOrdinal  # all that derive from ``Ordinal``, for ``assert_never``


def corn_log_posterior(scores: Tensor) -> Tensor:
    """Return log-probabilities (..., K) of classes from CORN's scores (..., T) (Shi et al. 2021).

    sigmoid(z_k) is the probability of y > k given y > k - 1, so that y = k has the product of the sigmoids before it
    times 1 - sigmoid(z_k), and the last class that of all. The paper predicts the rank up to which the products stay
    above one half, the median of this distribution; raysat predicts its most probable class, as for all losses.
    """
    passed = F.pad(F.logsigmoid(scores).cumsum(dim=-1), (1, 0))
    return passed + F.pad(F.logsigmoid(-scores), (0, 1))


def coral_log_posterior(scores: Tensor) -> Tensor:
    """Return log-probabilities (..., K) of classes from CORAL's scores (..., T), up to rounding.

    sigmoid(z_k) is the probability of y > k, and class k has sigmoid(z_(k-1)) - sigmoid(z_k): for z_(k-1) >= z_k the
    product sigmoid(z_(k-1)) sigmoid(-z_k) (1 - exp(z_k - z_(k-1))), whose log is exact where the difference of the
    sigmoids is lost. At the optimum the biases, and so the scores, descend (Cao et al. 2020, theorem 1), on the way
    there they may not: they are sorted here, which makes the probabilities a distribution again and leaves the
    paper's rank, the number of scores above 0, as it is (monotone rearrangement, Chernozhukov et al. 2010). A class
    between equal scores has about the least positive float32 in place of 0. The paper predicts that rank, the median
    of this distribution; raysat predicts the most probable class, as for all losses.
    """
    descending = scores.sort(dim=-1, descending=True).values
    above, below = F.pad(F.logsigmoid(descending), (1, 0)), F.pad(F.logsigmoid(-descending), (0, 1))
    gaps = (descending[..., :-1] - descending[..., 1:]).clamp_min(torch.finfo(torch.float32).tiny)
    return above + below + F.pad((-torch.expm1(-gaps)).log(), (1, 1))


def patch_losses(loss: OrdinalLoss, scores_BS: Tensor, labels_B: Tensor) -> Tensor:
    """Return the loss of each patch (B,).

    Args:
        loss: which one.
        scores_BS: of the network: K of a patch, or K - 1 with CORN and CORAL; float32.
        labels_B: int64.
    """
    match loss:
        case Corn():
            return corn_losses(scores_BS, labels_B)
        case Coral():
            return coral_losses(scores_BS, labels_B)
        case CdwCe(alpha=alpha):
            return cdw_losses(scores_BS, labels_B, alpha)
        case Emd2():
            return emd2_losses(scores_BS, labels_B)
        case SoftOrdinal(distance=distance, scale=scale):
            return soft_ordinal_losses(scores_BS, labels_B, distance=distance, scale=scale)
        case _:
            assert_never(loss)


def corn_losses(scores_BT: Tensor, labels_B: Tensor) -> Tensor:
    """Return CORN's loss (B,): binary cross-entropy of the steps up to the true class's (Shi et al. 2021).

    It is -log p_y. The paper divides the sum over a batch by the number of all its steps, this by that of patches: by
    a number that depends on no other patch, and so is the same on however many workers.
    """
    return F.nll_loss(corn_log_posterior(scores_BT), labels_B, reduction="none")


def coral_losses(scores_BT: Tensor, labels_B: Tensor) -> Tensor:
    """Return CORAL's loss (B,): binary cross-entropy of all steps, summed (Cao et al. 2020, all lambda 1)."""
    passed_BT = (labels_B[:, None] > torch.arange(scores_BT.shape[1], device=labels_B.device)).to(scores_BT)
    return F.binary_cross_entropy_with_logits(scores_BT, passed_BT, reduction="none").sum(dim=1)


def cdw_losses(logits_BK: Tensor, labels_B: Tensor, alpha: float) -> Tensor:
    """Return class distance weighted cross-entropy (B,) (Polat et al. 2022).

    log(1 - p_i) is that of the other classes' share of the exponentials, which keeps its slope where p_i rounds to 1;
    the authors' code holds 1 - p_i above 1e-4, where the slope is lost.

    Args:
        logits_BK: scores of classes.
        labels_B: int64.
        alpha: exponent of the distance of a wrong class.
    """
    itself_KK = torch.eye(logits_BK.shape[1], dtype=torch.bool, device=logits_BK.device)
    others_BK = logits_BK[:, None, :].masked_fill(itself_KK, -torch.inf).logsumexp(dim=2)
    log_rest_BK = others_BK - logits_BK.logsumexp(dim=1, keepdim=True)
    return -(_distances(logits_BK, labels_B) ** alpha * log_rest_BK).sum(dim=1)


def emd2_losses(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    """Return the squared earth mover's distance (B,): the sum over classes of (CDF_p - CDF_y)^2 (Hou et al. 2016)."""
    classes_K = torch.arange(logits_BK.shape[1], device=labels_B.device)
    reached_BK = (labels_B[:, None] <= classes_K).float()
    return (logits_BK.softmax(dim=1).cumsum(dim=1) - reached_BK).square().sum(dim=1)


def soft_ordinal_losses(
    logits_BK: Tensor, labels_B: Tensor, *, distance: Literal["absolute", "squared"], scale: float
) -> Tensor:
    """Return cross-entropy (B,) with the targets exp(-phi) / sum exp(-phi) (Diaz & Marathe 2019, eq. 1).

    Args:
        logits_BK: scores of classes.
        labels_B: int64.
        distance: from the true class: |i - y| or its square.
        scale: phi is so many times the distance.
    """
    phi_BK = scale * _distances(logits_BK, labels_B) ** (2 if distance == "squared" else 1)
    return F.cross_entropy(logits_BK, (-phi_BK).softmax(dim=1), reduction="none")


def _distances(logits_BK: Tensor, labels_B: Tensor) -> Tensor:
    """How many classes each class (B, K) is from the true one."""
    return (labels_B[:, None] - torch.arange(logits_BK.shape[1], device=labels_B.device)).abs().float()
