"""Influence-balanced loss (Park et al. 2021): patches count less, the more they move the border between classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_NO_INFLUENCE: Final = 1e-3  # beside an influence, as in the authors' code


def balanced(losses_B: Tensor, logits_BK: Tensor, labels_B: Tensor, norms_B: Tensor, *, alpha: float) -> Tensor:
    """Return losses (B,), each over its patch's influence on the classifier, as in the authors' code.

    The influence is the size of the classifier's gradient: |p - y| |h|, of which the first, the sum of absolute
    differences from the label, is 2 (1 - p_y). As in the authors' code, gradients flow through it.

    Args:
        losses_B: float32.
        logits_BK: whose softmax is p, float32.
        labels_B: int64.
        norms_B: |h| of each patch (``feature_norms``).
        alpha: what all are multiplied by.
    """
    wrong_B = -torch.expm1(-F.cross_entropy(logits_BK, labels_B, reduction="none"))
    return losses_B * (alpha / (2 * wrong_B * norms_B + _NO_INFLUENCE))


@contextmanager
def feature_norms(classifier: nn.Module | None) -> Iterator[list[Tensor]]:
    """Collect the sums of absolute features (N,), float32, that a classifier is given within; none of None."""
    seen: list[Tensor] = []
    if classifier is None:
        yield seen
        return

    def look(_: nn.Module, given: tuple[Any, ...]) -> None:
        seen.append(given[0].float().flatten(1).abs().sum(dim=1))

    handle = classifier.register_forward_pre_hook(look)
    try:
        yield seen
    finally:
        handle.remove()
