"""How much likelier a sampler draws a patch of one class than of another. No torch: the planner asks here too."""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from raysat.config.class_weights import class_balanced
from raysat.config.families.samplers import (
    EffectiveNumberSampler,
    InverseFrequencySampler,
    SquareRootSampler,
    UniformSampler,
)

Floats = npt.NDArray[np.float64]


def draw_weights(
    sampler: UniformSampler | InverseFrequencySampler | SquareRootSampler | EffectiveNumberSampler,
    counts: npt.NDArray[Any],
) -> Floats:
    """Return what a draw of a patch of each class is proportional to, shape (K,), by the classes' counts n_c.

    1 / n_c, so that every class is drawn equally often; 1 / sqrt(n_c) (Mahajan et al. 2018); or (1 - b) / (1 - b^n_c)
    (Cui et al. 2019).
    """
    match sampler:
        case UniformSampler():
            return np.ones(len(counts))
        case InverseFrequencySampler():
            inverse: Floats = 1.0 / counts
            return inverse
        case SquareRootSampler():
            root: Floats = 1.0 / np.sqrt(counts)
            return root
        case EffectiveNumberSampler(beta=beta):
            return class_balanced(counts, beta)
        case _ as unknown:
            assert_never(unknown)
