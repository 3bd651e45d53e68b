"""What a model said of each test patch, as ``predictions.npz`` holds it: any metric can be computed again from it."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.metrics.confusion import Metrics, confusion_matrix, from_confusion


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """What a model said of each patch of the reported split."""

    labels: npt.NDArray[np.uint8]  # (N,)
    predicted: npt.NDArray[np.uint8]  # (N,) argmax before rounding to float16, which can make two classes tie
    probabilities: npt.NDArray[np.float16]  # (N, K)
    indices: npt.NDArray[np.int64]  # (N,) positions in the store

    def metrics(self) -> Metrics:
        """Compute all metrics anew: exactly those of the record."""
        return from_confusion(confusion_matrix(self.labels, self.predicted, self.probabilities.shape[1]))

    def fault(self) -> str | None:
        """Why these cannot be what a model predicted; None where they can."""
        n = len(self.labels)
        if self.probabilities.ndim != 2 or not all(len(getattr(self, key)) == n for key in _ARRAYS):
            return "its arrays differ in length"
        highest = max(classes.max(initial=0) for classes in (self.labels, self.predicted))
        if not np.isfinite(self.probabilities).all() or highest >= self.probabilities.shape[1]:
            return "it holds what no model predicts"
        return None


_ARRAYS: Final = tuple(field.name for field in fields(Predictions))


def decode_predictions(file: Path) -> Predictions:
    """Read ``predictions.npz`` as it is. Raises what numpy and zipfile raise; KeyError where an array is missing."""
    with np.load(file, allow_pickle=False) as saved:
        return Predictions(**{key: saved[key] for key in _ARRAYS})


def encode_predictions(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any], indices: npt.NDArray[Any]) -> bytes:
    """Encode ``predictions.npz``.

    Args:
        labels: (N,) true classes.
        probabilities: (N, K) in the precision that metrics were computed in: ``predicted`` is their argmax.
        indices: (N,) positions of the patches in the store.

    Returns:
        The file's content.

    Raises:
        ValueError: shapes that do not fit, more than 256 classes, labels outside them, numbers not finite.
    """
    if probabilities.ndim != 2 or not labels.shape == indices.shape == probabilities.shape[:1]:
        raise ValueError(
            f"labels {labels.shape}, probabilities {probabilities.shape} and indices {indices.shape} differ"
        )
    n, classes = probabilities.shape
    if not 0 < classes <= 256 or (n and not 0 <= labels.min() <= labels.max() < classes):
        raise ValueError(f"labels must lie in 0..{classes - 1}, and classes number at most 256")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities are not all finite")
    stored = Predictions(
        labels=labels.astype(np.uint8),
        predicted=probabilities.argmax(axis=1).astype(np.uint8),
        probabilities=probabilities.astype(np.float16),
        indices=indices.astype(np.int64),
    )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{key: getattr(stored, key) for key in _ARRAYS})
    return buffer.getvalue()
