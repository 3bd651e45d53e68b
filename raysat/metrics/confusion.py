"""Metrics of imbalanced classification, from a confusion matrix.

``confusion[i, j]`` counts patches of class i predicted as class j. With recall_c and precision_c per class and acc the
overall accuracy:

    balanced accuracy   mean of recall_c
    ICV                 sum over classes of (acc - recall_c)^2, the intra-class variance of Rawal & Pradhan 2020;
                        low means that no class is left behind
    F1                  macro: mean of 2 * precision_c * recall_c / (precision_c + recall_c)

A class that was never predicted has precision 0 (as in scikit-learn). A class without patches has no recall: its values
are None and means and sums run over the classes that have patches.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from raysat.files.fields import MAX_CLASSES, Amount, Count, Share

Matrix = npt.NDArray[np.int64]
_ByClass = tuple[Share | None, ...]


class Metrics(BaseModel):
    """Metrics of one model on one split; per-class values in class order, None for a class without patches."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n: Annotated[int, Field(ge=1)]
    accuracy: Share
    balanced_accuracy: Share
    icv: Amount
    icv_root: Amount
    macro_f1: Share
    recall: _ByClass
    precision: _ByClass
    f1: _ByClass
    confusion: Annotated[tuple[tuple[Count, ...], ...], Field(max_length=MAX_CLASSES)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        classes = len(self.confusion)
        if any(len(values) != classes for values in (self.recall, self.precision, self.f1, *self.confusion)):
            raise ValueError("its values by class and its confusion matrix differ in length")
        support = [sum(row) for row in self.confusion]
        if sum(support) != self.n:
            raise ValueError(f"its confusion matrix is of {sum(support)} patches, not {self.n}")
        for values in (self.recall, self.precision, self.f1):
            if any((value is None) == bool(patches) for value, patches in zip(values, support, strict=True)):
                raise ValueError("a class has values without patches, or patches without values")
        return self


def confusion_matrix(labels: npt.NDArray[Any], predicted: npt.NDArray[Any], classes: int) -> Matrix:
    """Return the counts (K, K) of true by predicted classes.

    Args:
        labels: (N,) true classes.
        predicted: (N,) predicted classes.
        classes: their number K.

    Raises:
        ValueError: shapes that differ, or classes outside 0..K-1, which would be counted in another cell.
    """
    if labels.shape != predicted.shape or labels.ndim != 1:
        raise ValueError(f"labels {labels.shape} and predictions {predicted.shape} differ in shape")
    for name, values in (("labels", labels), ("predictions", predicted)):
        if values.size and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(f"{name} lie in {values.min()}..{values.max()}, outside 0..{classes - 1}")
    pairs = labels.astype(np.int64) * classes + predicted.astype(np.int64)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def from_confusion(confusion: Matrix) -> Metrics:
    """Compute all metrics of a (K, K) confusion matrix. Raises ValueError for an empty one."""
    total = int(confusion.sum())
    if total == 0:
        raise ValueError("no patch to evaluate")
    hits = np.diag(confusion).astype(np.float64)
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    present = support > 0
    recall = hits / np.maximum(support, 1)
    precision = hits / np.maximum(predicted, 1)
    f1 = harmonic_mean(precision, recall)
    accuracy = float(hits.sum() / total)
    icv = float(np.square(accuracy - recall[present]).sum())

    def per_class(values: npt.NDArray[np.float64]) -> tuple[float | None, ...]:
        return tuple(float(value) if known else None for value, known in zip(values, present, strict=True))

    return Metrics(
        n=total,
        accuracy=accuracy,
        balanced_accuracy=float(recall[present].mean()),
        icv=icv,
        icv_root=float(np.sqrt(icv)),
        macro_f1=float(f1[present].mean()),
        recall=per_class(recall),
        precision=per_class(precision),
        f1=per_class(f1),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def from_predictions(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> Metrics:
    """Compute all metrics of (N,) labels and (N, K) probabilities. Raises ValueError where one is not finite."""
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities are not all finite")
    return from_confusion(confusion_matrix(labels, probabilities.argmax(axis=1), probabilities.shape[1]))


def harmonic_mean(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Harmonic mean, 0 where both are 0: the F1 of precision and recall."""
    total = a + b
    return np.divide(2 * a * b, total, out=np.zeros_like(total), where=total > 0)
