"""Label-aware smoothing: cross-entropy whose labels are smoothed more the larger the class (Zhong et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor


def smoothing(counts: npt.NDArray[Any], *, head: float, tail: float) -> npt.NDArray[np.float64]:
    """Return the share of a label that is spread, by its class, shape (K,): the concave form of Zhong et al. 2021.

    e_c = tail + (head - tail) sin(pi/2 (n_c - n_min) / (n_max - n_min)), ``concave`` in the authors' code. Where all
    classes are of one size, each is the largest.

    Args:
        counts: training patches of each class, shape (K,).
        head: of the largest class.
        tail: of the smallest.
    """
    counts = counts.astype(np.float64)
    span = np.ptp(counts)
    place_K = (counts - counts.min()) / span if span else np.ones(len(counts))
    spread_K: npt.NDArray[np.float64] = tail + (head - tail) * np.sin(np.pi / 2 * place_K)
    return spread_K


def label_aware_losses(logits_BK: Tensor, labels_B: Tensor, smoothing_K: Tensor) -> Tensor:
    """Return the loss of each patch (B,): (1 - e_y) times its cross-entropy, and e_y times the mean over all classes.

    So has ``LabelAwareSmoothing`` of the authors' code, and PyTorch's ``label_smoothing`` where e is the same for all;
    the paper spreads e_y over the K - 1 other classes alone.

    Args:
        logits_BK: whose softmax is the posterior, float32.
        labels_B: int64.
        smoothing_K: e of each class, float32.
    """
    log_p_BK = F.log_softmax(logits_BK, dim=-1)
    nats_B = -log_p_BK.gather(1, labels_B[:, None]).squeeze(1)
    spread_B = smoothing_K[labels_B]
    return (1 - spread_B) * nats_B - spread_B * log_p_BK.mean(dim=-1)
