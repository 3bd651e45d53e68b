"""What a model said of each test patch, as ``predictions.npz`` holds it: any metric can be computed again from it."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.files.fields import MAX_CLASSES
from raysat.metrics.confusion import Metrics, confusion_matrix, from_confusion
from raysat.storage.npz import read_npz


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
        axes = [array.ndim for array in (self.labels, self.predicted, self.indices, self.probabilities)]
        if axes != [1, 1, 1, 2]:
            return "its arrays have other axes than predictions"
        if not all(len(getattr(self, key)) == n for key in _ARRAYS):
            return "its arrays differ in length"
        classes = self.probabilities.shape[1]
        if not n or not 0 < classes <= MAX_CLASSES:
            return f"it holds {n} patches and {classes} classes"
        if max(self.labels.max(), self.predicted.max()) >= classes:
            return f"its labels lie outside its {classes} classes"
        if self.indices.min() < 0 or not _are_distinct(self.indices):
            return "its patches are not distinct positions in a store"
        values = self.probabilities.astype(np.float32)
        off, chosen = np.abs(values @ np.ones(classes, np.float32) - 1), values[np.arange(n), self.predicted]
        if not (values.min() >= 0 and values.max() <= 1 and off.max() <= _rounding(classes)):  # nothing holds for NaN
            return "its probabilities do not lie in [0, 1], or do not sum to 1"
        if not (chosen[:, None] >= values).all():
            return "its predicted classes are not the most probable ones"
        return None


_ARRAYS: Final = tuple(field.name for field in fields(Predictions))


def _are_distinct(indices: npt.NDArray[np.int64]) -> bool:
    return bool((indices[1:] > indices[:-1]).all()) or len(np.unique(indices)) == len(indices)


def _rounding(classes: int) -> float:
    """How far from 1 the probabilities of a patch may sum.

    Rounding to float16 changes a probability p by at most p 2^-11, or by 2^-25 where it is smaller than its normal
    numbers: their sum by 2^-11 + K 2^-25. Softmax and this sum, both in float32, add some 2 K 2^-24.
    """
    return 2.0**-11 + classes * 2.0**-21


def decode_predictions(content: bytes) -> Predictions:
    """Read ``predictions.npz``, whose parts are checked before they are unpacked. Raises ValueError for any fault."""
    arrays = read_npz(content, {"labels": "|u1", "predicted": "|u1", "probabilities": "<f2", "indices": "<i8"})
    predictions = Predictions(**arrays)
    if (fault := predictions.fault()) is not None:
        raise ValueError(fault)
    return predictions


def encode_predictions(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any], indices: npt.NDArray[Any]) -> bytes:
    """Encode ``predictions.npz``.

    Args:
        labels: (N,) true classes.
        probabilities: (N, K) in the precision that metrics were computed in: ``predicted`` is their argmax.
        indices: (N,) positions of the patches in the store.

    Returns:
        The file's content.

    Raises:
        ValueError: shapes that do not fit, more than 256 classes, labels outside them, what are no probabilities.
    """
    if probabilities.ndim != 2 or not labels.shape == indices.shape == probabilities.shape[:1]:
        raise ValueError(
            f"labels {labels.shape}, probabilities {probabilities.shape} and indices {indices.shape} differ"
        )
    n, classes = probabilities.shape
    if not 0 < classes <= MAX_CLASSES or (n and not 0 <= labels.min() <= labels.max() < classes):
        raise ValueError(f"labels must lie in 0..{classes - 1}, and classes number at most 256")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities are not all finite")
    stored = Predictions(
        labels=labels.astype(np.uint8),
        predicted=probabilities.argmax(axis=1).astype(np.uint8),
        probabilities=probabilities.astype(np.float16),
        indices=indices.astype(np.int64),
    )
    if (fault := stored.fault()) is not None:
        raise ValueError(fault)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{key: getattr(stored, key) for key in _ARRAYS})
    return buffer.getvalue()
