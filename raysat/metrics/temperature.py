"""Temperature scaling: one number that makes a model as sure as it is right (Guo et al. 2017, ICML, section 4.2).

The logits are divided by T before the softmax. Where p are probabilities, log p are logits but for a constant, so

    p_T = softmax(log p / T)

needs no logits. T minimises the mean of -log p_T[y], which is convex in 1/T.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.metrics.probabilistic import patch_nll

_TINY: Final = float(np.finfo(np.float32).tiny)  # of one whose logarithm is taken for a logit
RANGE: Final = (0.05, 20.0)  # of T: at its ends all patches are right, so that no sureness is too much, or all wrong

Floats = npt.NDArray[np.float64]


def scaled(probabilities: npt.NDArray[Any], temperature: float) -> Floats:
    """Return probabilities (N, K) at a temperature: above 1 less sure, below surer; their order stays."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), _TINY)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found


def nll(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> float:
    """Mean of -log p[y] of labels (N,) and probabilities (N, K)."""
    return float(patch_nll(labels, probabilities).mean())


def fit_temperature(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> float:
    """Return the temperature that fits probabilities (N, K) to labels (N,) best, from 0.05 to 20."""
    return fit_to_logits(labels, np.log(np.maximum(probabilities.astype(np.float64), _TINY)))


def fit_to_logits(labels: npt.NDArray[Any], logits: npt.NDArray[Any]) -> float:
    """Return the temperature that fits logits (N, K) to labels (N,) best, from 0.05 to 20."""
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  (a fifth of a second, that most reports do without)

    logits = logits.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    true = logits[np.arange(len(labels)), labels]

    def loss(log_t: float) -> float:
        """The mean of -log p_T[y]; not by way of p_T, which may round to 0, where that would have another minimum."""
        colder = math.exp(-log_t)
        return float(np.mean(np.log(np.exp(colder * logits).sum(axis=1)) - colder * true))

    bounds = [math.log(bound) for bound in RANGE]
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6}).x)
