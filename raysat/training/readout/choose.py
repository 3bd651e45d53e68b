"""What is chosen on val: the best of some settings, and offsets by class, all by balanced accuracy; NumPy alone.

Ties are decided by rules, and no random number is drawn: equal scores give equal choices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_EQUAL: Final = 1e-9  # balanced accuracies that differ by less, which rounding may do
_LEAST_GAP: Final = 1e-4  # between two patches' breakpoints, for an offset to lie there: in float32 it is well between
_BEYOND: Final = 1.0  # how far an offset is from the last breakpoint
_MOST_SWEEPS: Final = 100  # over the classes; each makes balanced accuracy better, so that few are needed


def patch_weights(labels: npt.NDArray[Any], classes: int) -> Floats:
    """Return what each patch, predicted right, adds to balanced accuracy: shape (N,)."""
    counts = np.bincount(labels, minlength=classes)
    weights: Floats = 1.0 / (np.count_nonzero(counts) * counts[labels].astype(np.float64))
    return weights


def balanced_accuracy(labels: npt.NDArray[Any], scores_NK: npt.NDArray[Any]) -> float:
    """Return the balanced accuracy of predicting the class of the highest score."""
    right = scores_NK.argmax(axis=1) == labels
    return float(patch_weights(labels, scores_NK.shape[1]) @ right)


def best_setting(
    labels: npt.NDArray[Any], scores_of: Callable[[float], npt.NDArray[Any]], settings: Sequence[float], usual: float
) -> float:
    """Return the setting whose scores (N, K) have the best balanced accuracy; of equals the one nearest to ``usual``.

    Args:
        labels: of the patches of val, shape (N,).
        scores_of: gives the scores under a setting.
        settings: to choose from, ascending.
        usual: what the method's authors use.
    """
    found = {setting: balanced_accuracy(labels, scores_of(setting)) for setting in settings}
    best = max(found.values())
    return min((each for each in settings if found[each] > best - _EQUAL), key=lambda each: abs(each - usual))


def best_offsets(labels: npt.NDArray[Any], logits_NK: npt.NDArray[Any]) -> Floats:
    """Return offsets (K,), of mean zero, under which logits have the best balanced accuracy that this search finds.

    One class's offset at a time is moved to the best place beside those of the others: as it grows, patches become that
    class one by one, each at its own breakpoint, and balanced accuracy is constant between two of these. So the best
    place is found, not tried for. With two classes that is the best there is, but for places narrower than 0.0001.

    Args:
        labels: of the patches of val, shape (N,).
        logits_NK: log-probabilities, but for a constant of each patch.
    """
    logits_NK, classes = logits_NK.astype(np.float64), logits_NK.shape[1]
    weights_N = patch_weights(labels, classes)
    offsets_K = np.zeros(classes)
    reached = balanced_accuracy(labels, logits_NK)
    for _ in range(_MOST_SWEEPS):
        before = reached
        for label in range(classes):
            moved_NK = logits_NK + offsets_K
            moved_NK[:, label] = -np.inf
            breaks_N = moved_NK.max(axis=1) - logits_NK[:, label]  # above it, the patch becomes this class
            was_right_N = moved_NK.argmax(axis=1) == labels
            gains_N = weights_N * ((labels == label).astype(np.float64) - was_right_N)
            value, offset = _best_place(breaks_N, gains_N, float(weights_N @ was_right_N), offsets_K[label])
            if value > reached + _EQUAL:
                reached, offsets_K[label] = value, offset
        if reached <= before + _EQUAL:
            break
    centred: Floats = offsets_K - offsets_K.mean()
    return centred


def _best_place(breaks_N: Floats, gains_N: Floats, base: float, now: float) -> tuple[float, float]:
    """The best balanced accuracy along one class's offset, and the middle of the nearest place that has it.

    Args:
        breaks_N: offset above which each patch becomes the class.
        gains_N: what balanced accuracy gains by that.
        base: balanced accuracy where no patch is of the class.
        now: the present offset.
    """
    finite = np.isfinite(breaks_N)  # a score of minus infinity never, or always, wins
    base += float(gains_N[breaks_N == -np.inf].sum())
    order = np.argsort(breaks_N[finite], kind="stable")
    breaks, gains = breaks_N[finite][order], gains_N[finite][order]
    if not len(breaks):
        return base, now
    lows = np.concatenate([[-np.inf], breaks])
    highs = np.concatenate([breaks, [np.inf]])
    values = base + np.concatenate([[0.0], np.cumsum(gains)])
    values[highs - lows < _LEAST_GAP] = -np.inf
    best = float(values.max())
    places = np.flatnonzero(values > best - _EQUAL)
    away = np.maximum(0, np.maximum(lows[places] - now, now - highs[places]))
    place = places[away.argmin()]
    low = lows[place] if place else highs[place] - 2 * _BEYOND
    high = highs[place] if place < len(breaks) else lows[place] + 2 * _BEYOND
    return best, float((low + high) / 2)
