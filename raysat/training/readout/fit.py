"""Fits a readout to what a network says of val, or to its training's class shares: no pass over patches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, assert_never

import numpy as np
import numpy.typing as npt

from raysat.config.families.readouts import AdjustedLogits, PriorCorrection, TauNorm, Temperature, Thresholds
from raysat.metrics.fitted_readout import FittedReadout
from raysat.metrics.temperature import fit_to_logits
from raysat.training.readout.choose import best_offsets, best_setting

Floats = npt.NDArray[np.float64]
ByScores = Temperature | AdjustedLogits | TauNorm | PriorCorrection | Thresholds

ADJUSTMENTS: Final = tuple(step / 10 for step in range(21))  # of tau: Menon et al. 2021, figure 3, look at 0 to 2 too
NORMS: Final = tuple(step / 20 for step in range(21))  # of tau: Kang et al. 2020 choose from (0, 1)

_SHORTEST: Final = 1e-6  # of the longest: a class without weights is not made to win by nothing
_MOST: Final = 700.0  # whose power of e is still a number


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a network says of val."""

    labels: npt.NDArray[Any]  # (N,)
    logits: npt.NDArray[np.float32]  # (N, K), of the posterior that the loss is trained for


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassWeights:
    """A linear classifier by class, as it makes the posterior's logits."""

    lengths_K: Floats  # of its weights
    biases_K: Floats  # in those logits


def fit(
    readout: ByScores,
    *,
    classes: Sequence[str],
    prior_K: Floats,
    val: Callable[[], Scores],
    classifier: Callable[[], ClassWeights],
) -> FittedReadout:
    """Fit a readout; equal numbers give equal ones, bit for bit on a CPU.

    Args:
        readout: which.
        classes: their names.
        prior_K: each class's share of training, as training presented it (``trained_prior``).
        val: gives what is needed where something is chosen on val.
        classifier: gives that of the network, where the readout changes it.

    Returns:
        What turns the network's logits into the readout's.
    """
    match readout:
        case Temperature():
            found = fit_to_logits(val().labels, val().logits)
            return FittedReadout(kind=readout.kind, temperature=found, chosen={"temperature": found})
        case AdjustedLogits():
            return _adjusted(readout, np.log(prior_K), val)
        case TauNorm():
            return _normed(readout, classifier(), val)
        case PriorCorrection(shares=shares):
            # Saerens et al. 2002, eq. 2.4: p' is proportional to p * pi' / pi.
            wanted_K = np.ones(len(prior_K)) if isinstance(shares, str) else np.array(shares)
            offset_K = np.log(wanted_K / wanted_K.sum()) - np.log(prior_K)
            return FittedReadout(kind=readout.kind, offset=_numbers(offset_K))
        case Thresholds():
            offset_K = best_offsets(val().labels, val().logits)
            factors_K = np.exp(np.clip(offset_K, -_MOST, _MOST))
            chosen = dict(zip(classes, _numbers(factors_K), strict=True))
            return FittedReadout(kind=readout.kind, offset=_numbers(offset_K), chosen=chosen)
        case _:
            assert_never(readout)


def _adjusted(readout: AdjustedLogits, logs_K: Floats, val: Callable[[], Scores]) -> FittedReadout:
    """Menon et al. 2021, eq. 9: the argmax of f - tau log pi."""
    tau, chosen = readout.tau, {}
    if tau is None:
        scores = val()
        tau = best_setting(scores.labels, lambda each: scores.logits - each * logs_K, ADJUSTMENTS, usual=1.0)
        chosen = {"tau": tau}
    return FittedReadout(kind=readout.kind, offset=_numbers(-tau * logs_K), chosen=chosen)


def _normed(readout: TauNorm, classifier: ClassWeights, val: Callable[[], Scores]) -> FittedReadout:
    tau, chosen = readout.tau, {}
    if tau is None:
        scores = val()
        bare_NK = scores.logits.astype(np.float64) - classifier.biases_K
        tau = best_setting(scores.labels, lambda each: bare_NK * norm_scale(classifier, each), NORMS, usual=0.0)
        chosen = {"tau": tau}
    scale_K = norm_scale(classifier, tau)
    offset_K = -scale_K * classifier.biases_K
    return FittedReadout(kind=readout.kind, scale=_numbers(scale_K), offset=_numbers(offset_K), chosen=chosen)


def norm_scale(classifier: ClassWeights, tau: float) -> Floats:
    """Return what tau-normalisation multiplies each class's score by, shape (K,): (g / |w_c|)^tau.

    Kang et al. 2020, eq. 3 has 1 / |w_c|^tau. g, the geometric mean of the lengths, changes no prediction and keeps the
    scores as large as the network was trained for.
    """
    longest = max(float(classifier.lengths_K.max()), float(np.finfo(np.float32).tiny))
    logs_K = np.log(np.maximum(classifier.lengths_K, _SHORTEST * longest))
    scale: Floats = np.exp(tau * (logs_K.mean() - logs_K))
    return scale


def _numbers(values_K: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values_K)
