"""Metrics of every cell on resampled test patches: the patches' part of every interval in a report.

Patches are drawn with replacement within each class, so that class sizes stay and no class vanishes: m - 1 of the m
patches of a class, counted m / (m - 1) times, which gives recalls the variance of an unbiased estimate (Rao & Wu 1988);
that matters for rare classes. All cells get the same draws: differences between them are paired, patch by patch. A draw
is a vector of counts (N,), so that hits and predictions of all cells are matrix products; counts below 2^24 are exact
in float32, whatever the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.report.analysis.predictions import Cells

DRAWS: Final = 2000
_CHUNK: Final = 200  # draws at a time
_MOST_BYTES: Final = 600 * 2**20  # of what is kept; with more cells and classes there are fewer draws

SINGLE: Final = ("balanced_accuracy", "icv", "macro_f1", "icv_root", "accuracy")  # metrics that are one number
UNBOUNDED: Final = frozenset({"icv", "icv_root"})  # the others lie between 0 and 1

Floats = npt.NDArray[np.floating[Any]]


def measures(classes: int) -> tuple[str, ...]:
    """Names of the metrics that are resampled, in order: ``recall_2`` is that of the third class."""
    return (*SINGLE, *(f"{metric}_{k}" for metric in ("recall", "precision") for k in range(classes)))


def of_class(measure: str) -> tuple[str, int] | None:
    """Split ``recall_2`` into metric and label; None for a measure that is of no class."""
    metric, _, label = measure.rpartition("_")
    return (metric, int(label)) if metric in ("recall", "precision") else None


def from_counts(hits: Floats, predicted: Floats, support: npt.NDArray[Any]) -> Floats:
    """Stack what ``measures`` names, in its order along the first axis; definitions as in ``metrics/confusion.py``.

    Args:
        hits: (..., K) patches of each class that were found.
        predicted: (..., K) patches that were taken for each class.
        support: (K,) patches of each class; a class without any has recall and precision NaN and takes no part.
    """
    present = support > 0
    recall = np.where(present, hits / np.maximum(support, 1), np.nan)
    precision = np.where(present, hits / np.maximum(predicted, 1), np.nan)
    accuracy = hits.sum(axis=-1) / support.sum()
    f1 = 2 * hits / np.maximum(predicted + support, 1)
    icv = np.square(accuracy[..., None] - recall[..., present]).sum(axis=-1)
    single = [recall[..., present].mean(axis=-1), icv, f1[..., present].mean(axis=-1), np.sqrt(icv), accuracy]
    return np.stack([*single, *np.moveaxis(recall, -1, 0), *np.moveaxis(precision, -1, 0)])


def observed(cells: Cells) -> Floats:
    """Every measure of every cell on the patches as they are, shape (M, C)."""
    diagonal = np.diagonal(cells.confusion, axis1=1, axis2=2).astype(np.float64)
    return from_counts(diagonal, cells.confusion.sum(axis=1), np.bincount(cells.labels, minlength=cells.classes))


def resample(
    cells: Cells, *, draws: int = DRAWS, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Floats:
    """Every measure of every cell on each draw of patches, shape (M, draws, C), float32."""
    classes, count = cells.classes, len(cells.predicted)
    names = measures(classes)
    draws = max(200, min(draws, _MOST_BYTES // (4 * len(names) * max(count, 1))))
    rng = np.random.default_rng(seed)
    order = np.argsort(cells.labels, kind="stable")
    support = np.bincount(cells.labels, minlength=classes)
    sorted_cells = cells.predicted[:, order]
    kept = np.empty((len(names), draws, count), np.float32)
    for start in range(0, draws, _CHUNK):
        size = min(_CHUNK, draws - start)
        hits, predicted = (np.zeros((size, count, classes), np.float32) for _ in range(2))
        left = 0
        for k, patches in enumerate(support):
            if not patches:
                continue
            fewer = max(1, patches - 1)
            drawn = rng.integers(0, patches, (size, fewer)) + np.arange(size)[:, None] * patches
            weights = np.bincount(drawn.ravel(), minlength=size * patches).reshape(size, patches).astype(np.float32)
            block = sorted_cells[:, left : left + patches]
            for j in range(classes):
                taken = weights @ (block == j).T.astype(np.float32) * np.float32(patches / fewer)
                predicted[:, :, j] += taken
                if j == k:
                    hits[:, :, k] = taken
            left += patches
        kept[:, start : start + size] = from_counts(hits, predicted, support)
        if progress:
            progress(start + size, draws)
    return kept
