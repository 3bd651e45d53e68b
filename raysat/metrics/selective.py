"""How wrong a model is where it answers only what it is surest of (Geifman & El-Yaniv 2017, NeurIPS).

Patches are taken by confidence, the surest first: at coverage c the risk is the share of errors among the first c N.
The area under that curve is AURC, the mean risk over all coverages; a model that is sure of what is right, and not of
what is wrong, has a small one. Equal confidences share their errors evenly, so that the order of patches is no matter.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_AT_ONCE: Final = 50  # weightings: bounds the memory

Floats = npt.NDArray[np.float64]


def risk_coverage(correct: npt.NDArray[np.bool_], confidence: npt.NDArray[Any]) -> Floats:
    """Return the risk (N,) at coverages 1/N, 2/N ... 1, of patches (N,) with these confidences."""
    order = np.argsort(-confidence.astype(np.float64), kind="stable")
    sure, wrong = confidence[order], (~correct[order]).astype(np.float64)
    starts = np.flatnonzero(np.append(True, sure[1:] != sure[:-1]))
    lengths = np.diff(np.append(starts, len(sure)))
    even = np.repeat(np.add.reduceat(wrong, starts) / lengths, lengths)
    risk: Floats = np.cumsum(even) / np.arange(1, len(sure) + 1)
    return risk


def aurc(correct: npt.NDArray[np.bool_], confidence: npt.NDArray[Any]) -> float:
    """Return the area under the risk-coverage curve."""
    return float(risk_coverage(correct, confidence).mean())


def weighted_aurc(correct: npt.NDArray[np.bool_], confidence: npt.NDArray[Any], weights: npt.NDArray[Any]) -> Floats:
    """Return the area for each weighting of the patches, such as resamples, (B,); with equal weights it is ``aurc``.

    The risk that a patch adds to the area is that of all patches up to it, and weighs as much as the patch does.

    Args:
        correct: (N,).
        confidence: (N,).
        weights: (B, N) of the patches, not negative.
    """
    order = np.argsort(-confidence.astype(np.float64), kind="stable")
    sure, wrong = confidence[order], (~correct[order]).astype(np.float64)
    starts = np.flatnonzero(np.append(True, sure[1:] != sure[:-1]))
    lengths = np.diff(np.append(starts, len(sure)))
    found = np.empty(len(weights))
    for start in range(0, len(weights), _AT_ONCE):
        of = weights[start : start + _AT_ONCE, order].astype(np.float64)
        tied = np.add.reduceat(of, starts, axis=1)
        even = np.add.reduceat(of * wrong, starts, axis=1) / np.where(tied > 0, tied, 1)
        errors, patches = np.cumsum(of * np.repeat(even, lengths, axis=1), axis=1), np.cumsum(of, axis=1)
        risk = errors / np.where(patches > 0, patches, 1)
        found[start : start + _AT_ONCE] = (of * risk).sum(axis=1) / of.sum(axis=1)
    return found
