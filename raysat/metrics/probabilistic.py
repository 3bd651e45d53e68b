"""More metrics of a model, from its saved predictions: no training again.

With labels y, predicted classes and probabilities p (N, K):

    worst-class recall   the smallest recall
    G-mean               geometric mean of the recalls (Kubat & Matwin 1997)
    weighted kappa       Cohen's kappa with quadratic weights (Cohen 1968), for classes with an order
    MAE                  mean absolute difference of true and predicted class, for classes with an order
    macro MAE            mean over classes of their patches' MAE (Baccianella et al. 2009), for classes with an order
    within one class     share of patches that are right or one class off, for classes with an order
    ECE                  expected calibration error of the top class over 15 equal bins (Guo et al. 2017)
    NLL                  mean of -log p[y]
    AUROC, AP            of each class against the rest: area under the ROC curve, average precision

Classes without patches take no part. Saved probabilities are float16: one that was rounded to 0 counts as half of the
smallest number above it, about 3e-8, in NLL; equal ones tie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.metrics.confusion import Matrix, confusion_matrix

BINS: Final = 15
_LEAST: Final = 2.0**-25  # half of the smallest float16 above 0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Metrics of one model on one split; None where a metric has no value there."""

    worst_recall: float
    g_mean: float
    kappa: float | None  # quadratic; None for classes without order, and where all are of one class and predicted so
    mae: float | None  # None for classes without order
    macro_mae: float | None  # the same
    within_one: float | None  # the same
    ece: float
    nll: float
    auroc: tuple[float | None, ...]  # per class
    average_precision: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reliability:
    """How often a model is right where it says it is so sure, by bins of its confidence (``BINS``,)."""

    patches: npt.NDArray[np.int64]
    confidence: Floats  # summed
    correct: npt.NDArray[np.int64]

    def __add__(self, other: Reliability) -> Reliability:
        """Pool two models."""
        return Reliability(
            patches=self.patches + other.patches,
            confidence=self.confidence + other.confidence,
            correct=self.correct + other.correct,
        )

    @property
    def ece(self) -> float:
        """Expected calibration error: mean over patches of |accuracy - confidence| of their bin."""
        return float(np.abs(self.correct - self.confidence).sum() / self.patches.sum())


def score(
    labels: npt.NDArray[Any], predicted: npt.NDArray[Any], probabilities: npt.NDArray[Any], *, ordinal: bool
) -> Scores:
    """Return all scores of a model's predictions.

    Args:
        labels: (N,) true classes.
        predicted: (N,) predicted classes.
        probabilities: (N, K) of each class.
        ordinal: whether the classes have an order; without one there is no kappa, no MAE and no share within one class.

    Raises:
        ValueError: shapes that differ, classes outside 0..K-1, or no patch.
    """
    classes = probabilities.shape[1]
    confusion = confusion_matrix(labels, predicted, classes)
    if not len(labels):
        raise ValueError("no patch to evaluate")
    support = confusion.sum(axis=1)
    recall = np.diag(confusion)[support > 0] / support[support > 0]
    curves = [_areas(labels == k, probabilities[:, k]) for k in range(classes)]
    return Scores(
        worst_recall=float(recall.min()),
        g_mean=float(np.prod(recall) ** (1 / len(recall))),
        kappa=quadratic_kappa(confusion) if ordinal else None,
        mae=float(np.abs(labels.astype(int) - predicted.astype(int)).mean()) if ordinal else None,
        macro_mae=macro_mae(confusion) if ordinal else None,
        within_one=within_one(confusion) if ordinal else None,
        ece=reliability(labels, predicted, probabilities).ece,
        nll=float(patch_nll(labels, probabilities).mean()),
        auroc=tuple(auroc for auroc, _ in curves),
        average_precision=tuple(precision for _, precision in curves),
    )


def patch_nll(labels: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> Floats:
    """Return -log p[y] of each patch, (N,), of labels (N,) and probabilities (N, K)."""
    likely = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    found: Floats = -np.log(np.maximum(likely, _LEAST))
    return found


def confidence_bins(confidence: Floats) -> npt.NDArray[np.int64]:
    """Return which of ``BINS`` equal bins (low, high] each confidence lies in."""
    found: npt.NDArray[np.int64] = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return found


def quadratic_kappa(confusion: Matrix) -> float | None:
    """Cohen's kappa with quadratic weights, of a (K, K) confusion matrix; None where chance alone is always right."""
    classes = len(confusion)
    weights = np.square(np.subtract.outer(np.arange(classes), np.arange(classes)))
    chance = np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / confusion.sum()
    expected = float((weights * chance).sum())
    return 1 - float((weights * confusion).sum()) / expected if expected else None


def macro_mae(confusion: Matrix) -> float:
    """Mean absolute error of a (K, K) confusion matrix, in classes, as a mean over the classes that have patches.

    MAE^M of Baccianella, Esuli & Sebastiani 2009, "Evaluation Measures for Ordinal Regression": every class
    counts alike, as in balanced accuracy.
    """
    support = confusion.sum(axis=1)
    by_class = (_class_distances(confusion) * confusion).sum(axis=1)[support > 0] / support[support > 0]
    return float(by_class.mean())


def within_one(confusion: Matrix) -> float:
    """Share of the patches of a (K, K) confusion matrix whose predicted class is the true one or next to it."""
    return float(confusion[_class_distances(confusion) <= 1].sum() / confusion.sum())


def _class_distances(confusion: Matrix) -> npt.NDArray[np.int64]:
    classes = np.arange(len(confusion))
    distances: npt.NDArray[np.int64] = np.abs(np.subtract.outer(classes, classes))
    return distances


def reliability(labels: npt.NDArray[Any], predicted: npt.NDArray[Any], probabilities: npt.NDArray[Any]) -> Reliability:
    """Return counts and sums of ``BINS`` equal bins (low, high] of the predicted class's probability.

    Args:
        labels: (N,) true classes.
        predicted: (N,) predicted classes.
        probabilities: (N, K) of each class.
    """
    confidence = probabilities[np.arange(len(labels)), predicted].astype(np.float64)
    bins = confidence_bins(confidence)
    return Reliability(
        patches=np.bincount(bins, minlength=BINS),
        confidence=np.bincount(bins, weights=confidence, minlength=BINS).astype(np.float64),
        correct=np.bincount(bins[labels == predicted], minlength=BINS),
    )


def _areas(positive: npt.NDArray[np.bool_], value: npt.NDArray[Any]) -> tuple[float | None, float | None]:
    """AUROC and average precision of a value that should be high where positive; None where a side is missing."""
    order = np.argsort(-value.astype(np.float32), kind="stable")
    hits = np.cumsum(positive[order])
    ends = np.append(np.flatnonzero(np.diff(value[order])), len(order) - 1)  # the last patch of each tie
    true, false = hits[ends].astype(np.float64), (ends + 1 - hits[ends]).astype(np.float64)
    if not true[-1]:
        return None, None
    steps = np.diff(true, prepend=0)
    precision = float((steps * true / (ends + 1)).sum() / true[-1])
    if not false[-1]:
        return None, precision
    below = false[-1] - (false + np.append(0, false[:-1])) / 2  # negatives below a tie, half of those in it
    return float((steps * below).sum() / (true[-1] * false[-1])), precision
