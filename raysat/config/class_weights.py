"""Class weights in the loss: what each class counts in an epoch. No torch: the planner asks here too."""

from __future__ import annotations

import math
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from raysat.config.families.reweight import EffectiveNumber, InfluenceBalanced, InverseFrequency, NoReweight, Reweight
from raysat.config.milestones import reweight_at

Floats = npt.NDArray[np.float64]


def class_weights(reweight: Reweight, counts: npt.NDArray[Any], *, epoch: int, epochs: int) -> Floats:
    """Return the weight of each class in an epoch, shape (K,); they sum to K.

    Args:
        reweight: the method.
        counts: training patches of each class, shape (K,), none of them zero.
        epoch: 0-based.
        epochs: of the whole training.
    """
    match reweight_at(reweight, epoch=epoch, epochs=epochs):
        case NoReweight():
            return np.ones(len(counts))
        case InverseFrequency() | InfluenceBalanced():
            return _to_sum_k(1.0 / counts.astype(np.float64))
        case EffectiveNumber(beta=beta):
            return class_balanced(counts, beta)
        case _ as unknown:
            assert_never(unknown)


def class_balanced(counts: npt.NDArray[Any], beta: float) -> Floats:
    """Class-balanced weights (1 - b) / (1 - b^n_c), normalised to sum K (Cui et al. 2019).

    1 - b^n is -expm1(n ln b), which keeps its digits where b is near 1; 1 - b cancels in the normalisation.
    """
    log_beta = math.log(beta) if beta > 0 else -math.inf
    return _to_sum_k(-1.0 / np.expm1(counts.astype(np.float64) * log_beta))


def _to_sum_k(weights: Floats) -> Floats:
    weights *= len(weights) / weights.sum()
    return weights
