"""What a loss knows of the class counts: some numbers a class, computed once for a training."""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from raysat.config.families.losses import (
    Asymmetric,
    BalancedSoftmax,
    CrossEntropy,
    Focal,
    LabelAwareSmoothing,
    Ldam,
    LogitAdjustment,
    Loss,
    VectorScaling,
)
from raysat.config.families.ordinal import CdwCe, Coral, Corn, Emd2, SoftOrdinal
from raysat.config.plugins.settings import LossSettings
from raysat.training.label_aware import smoothing_by_class

Floats = npt.NDArray[np.float64]


def class_constants(loss: Loss, counts: npt.NDArray[Any]) -> Floats:
    """Return the numbers that a loss has for each class, shape (R, K): R rows, none for a loss without any.

    - LDAM: the margin C / n_c^(1/4) of the true class, the largest being ``max_margin`` (Cao et al. 2019, section 3.2).
    - Balanced softmax: log n_c, added to scores (Ren et al. 2020, theorem 1).
    - Logit adjustment: ``tau`` times the log of the class's share, added to scores (Menon et al. 2021, eq. 10).
    - Vector scaling: the factor of scores (n_c / n_max)^``gamma``, then what is added, as logit adjustment's (Kini et
      al. 2021, the VS loss of several classes, with the strengths of their code).
    - Label-aware smoothing: the share of the target that is spread (Zhong et al. 2021, eq. 6).
    - A plugin's loss: the counts.

    Args:
        loss: which one.
        counts: training patches of each class, shape (K,), none of them zero.
    """
    match loss:
        case CrossEntropy() | Focal() | Asymmetric() | Corn() | Coral() | CdwCe() | Emd2() | SoftOrdinal():
            return np.empty((0, len(counts)))
        case Ldam():
            raw: Floats = (counts / counts.min()) ** -0.25
            margins: Floats = loss.max_margin * raw
            return margins[None]
        case BalancedSoftmax():
            return np.log(counts.astype(np.float64))[None]
        case LogitAdjustment():
            return _prior(loss.tau, counts)[None]
        case VectorScaling():
            return np.stack(((counts / counts.max()) ** loss.gamma, _prior(loss.tau, counts)))
        case LabelAwareSmoothing():
            return smoothing_by_class(counts, head=loss.head, tail=loss.tail)[None]
        case LossSettings():
            return counts.astype(np.float64)[None]
        case _:
            assert_never(loss)


def _prior(tau: float, counts: npt.NDArray[Any]) -> Floats:
    """``tau`` times the log of each class's share."""
    logs: Floats = np.log(counts / counts.sum())
    return tau * logs
