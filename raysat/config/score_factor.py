"""What a network's scores are multiplied by before the softmax of its loss. No torch."""

from __future__ import annotations

from typing import Final, assert_never

from raysat.config.families.losses import (
    Asymmetric,
    BalancedSoftmax,
    CrossEntropy,
    Focal,
    LabelAwareSmoothing,
    Ldam,
    LogitAdjustment,
    VectorScaling,
)
from raysat.config.families.ordinal import CdwCe, Coral, Corn, Emd2, SoftOrdinal
from raysat.config.plugins.settings import LossSettings
from raysat.config.plugins.use import method_of
from raysat.config.schema import Config

# A softmax of bare cosines cannot tell K classes apart (at best e^1 to e^-1): they are sharpened, as by s = 30 in the
# code of Cao et al. 2019. LDAM does so by itself, with its own ``scale``.
_COSINE_SCALE: Final = 30.0


def cosine_factor(config: Config) -> float:
    """Return what scores are multiplied by before a loss that has no factor of its own: 30 for cosines, else 1."""
    return _COSINE_SCALE if config.model.classifier == "cosine" else 1.0


def score_factor(config: Config) -> float | None:
    """Return what scores are multiplied by before the softmax that gives a loss's posterior.

    None where the posterior is another function of them (``losses.posterior_logits``).
    """
    match config.loss:
        case CrossEntropy() | Focal() | BalancedSoftmax() | LogitAdjustment():
            return cosine_factor(config)
        case VectorScaling() | Asymmetric() | LabelAwareSmoothing() | CdwCe() | Emd2() | SoftOrdinal():
            return cosine_factor(config)
        case Corn() | Coral():
            return None
        case Ldam(scale=scale):
            return scale
        case LossSettings() as own:
            return None if method_of(own).options.get("posterior") else cosine_factor(config)
        case _:
            assert_never(config.loss)
