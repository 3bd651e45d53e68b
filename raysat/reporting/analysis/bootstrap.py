"""Metrics of every trial on resampled test patches: the patches' part of every interval in a report.

Patches are drawn with replacement within each class, so that class sizes stay and no class vanishes: m - 1 of the m
patches of a class, counted m / (m - 1) times, which gives recalls the variance of an unbiased estimate (Rao & Wu 1988);
that matters for rare classes. Where a run knows groups of patches, whole groups are drawn (``clusters.py``). All trials
get the same resamples: differences between them are paired, patch by patch. A resample is a vector of counts (N,), so
that hits and predictions of all trials are matrix products; counts below 2^24 are exact in float32, whatever the number
of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.data.groups import Groups
from raysat.metrics.catalog import FROM_CONFUSION, PRECISION, RECALL, Metric
from raysat.reporting.analysis.clusters import Clusters, clusters_of
from raysat.reporting.analysis.estimate import Floats
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.reporting.analysis.resamples import Float32, Resamples

N_RESAMPLES: Final = 2000
_LEAST: Final = 200  # resamples, however many trials there are
_CHUNK: Final = 200  # resamples that are drawn at a time
_MOST_NUMBERS: Final = 2**21  # that are computed at a time: bounds the memory of what is not kept
_MOST_BYTES: Final = 600 * 2**20  # of what is kept; with more trials and classes there are fewer resamples


def resampled_metrics(classes: int) -> tuple[Metric, ...]:
    """The metrics that are resampled, in order: those of a confusion matrix, then recall and precision by class."""
    return (*FROM_CONFUSION, *(metric.of_class(k) for metric in (RECALL, PRECISION) for k in range(classes)))


def from_counts(hits: Floats, predicted: Floats, support: npt.NDArray[Any]) -> Floats:
    """Return ``resampled_metrics`` in their order, (M, ...); definitions as in ``metrics/confusion.py``.

    Args:
        hits: (..., K) patches of each class that were found.
        predicted: (..., K) patches that were predicted as each class.
        support: (K,) patches of each class, or (..., K) where resamples differ in it; a class without any has recall
            and precision NaN and takes no part.
    """
    present = support.reshape(-1, support.shape[-1]).min(axis=0) > 0
    recall = np.where(present, hits / np.maximum(support, 1), np.nan)
    precision = np.where(present, hits / np.maximum(predicted, 1), np.nan)
    accuracy = hits.sum(axis=-1) / support.sum(axis=-1)
    f1 = 2 * hits / np.maximum(predicted + support, 1)
    icv = np.square(accuracy[..., None] - recall[..., present]).sum(axis=-1)
    single = [recall[..., present].mean(axis=-1), icv, np.sqrt(icv), f1[..., present].mean(axis=-1), accuracy]
    return np.stack([*single, *np.moveaxis(recall, -1, 0), *np.moveaxis(precision, -1, 0)])


def observed(predictions: TrialPredictions) -> Floats:
    """Every metric of every trial on the patches as they are, shape (M, T)."""
    hits = np.diagonal(predictions.confusion, axis1=1, axis2=2).astype(np.float64)
    support = np.bincount(predictions.labels, minlength=predictions.classes)
    return from_counts(hits, predictions.confusion.sum(axis=1), support)


def resamples_that_fit(n_resamples: int, classes: int, trials: int) -> int:
    """Return how many resamples can be kept.

    Args:
        n_resamples: wanted.
        classes: K.
        trials: T.
    """
    return max(_LEAST, min(n_resamples, _MOST_BYTES // (4 * len(resampled_metrics(classes)) * max(trials, 1))))


def resample(
    predictions: TrialPredictions,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Resamples:
    """Return every metric of every trial on each resample, in the order of ``resampled_metrics``.

    Args:
        predictions: of T trials for N patches.
        n_resamples: how many, B; fewer where they would not fit in memory.
        seed: of the random patches.
        progress: called with resamples done and resamples in all.

    Raises:
        DiskError: they are too many for memory, and cannot be written to a file.
    """
    classes, trials = predictions.classes, len(predictions.predicted)
    n_metrics = len(resampled_metrics(classes))
    n_resamples = resamples_that_fit(n_resamples, classes, trials)
    clusters = clusters_of(predictions.labels, predictions.groups, classes)
    if clusters is not None:
        return _resample_groups(predictions, clusters, n_resamples, np.random.default_rng(seed), progress)
    rng = np.random.default_rng(seed)
    support = np.bincount(predictions.labels, minlength=classes)
    by_label = predictions.predicted[:, np.argsort(predictions.labels, kind="stable")]
    kept = Resamples(n_metrics, n_resamples, trials)
    at_once = max(1, _MOST_NUMBERS // (n_metrics * _CHUNK))  # trials whose metrics are computed
    for start in range(0, n_resamples, _CHUNK):
        size = min(_CHUNK, n_resamples - start)
        weights = [_weights(rng, patches, size) for patches in support.tolist()]
        for first in range(0, trials, at_once):
            hits, predicted = _counts(weights, by_label[first : first + at_once], classes)
            kept.add(start, first, from_counts(hits, predicted, support))
        if progress:
            progress(start + size, n_resamples)
    return kept


def _resample_groups(
    predictions: TrialPredictions,
    clusters: Clusters,
    n_resamples: int,
    rng: np.random.Generator,
    progress: Callable[[int, int], None] | None,
) -> Resamples:
    """``resample`` by group."""
    trials, metrics = len(predictions.predicted), resampled_metrics(predictions.classes)
    kept, values = Resamples(len(metrics), n_resamples, trials), observed(predictions)
    stretch = np.array([clusters.stretch(metric) for metric in metrics])[:, None, None]
    numbers = max(len(metrics) * _CHUNK, clusters.number * predictions.classes)
    at_once = max(1, _MOST_NUMBERS // numbers)  # trials whose metrics are computed
    for start in range(0, n_resamples, _CHUNK):
        times = clusters.draw(rng, min(_CHUNK, n_resamples - start))
        support = clusters.total(times, clusters.support)[:, None]
        for first in range(0, trials, at_once):
            hits, predicted = clusters.tables(predictions.predicted[first : first + at_once])
            found = from_counts(clusters.total(times, hits), clusters.total(times, predicted), support)
            of_trials = values[:, None, first : first + at_once]
            kept.add(start, first, of_trials + stretch * (found - of_trials))
        if progress:
            progress(start + len(times), n_resamples)
    return kept


def class_weights(
    labels: npt.NDArray[Any], classes: int, n_resamples: int, *, groups: Groups | None = None, seed: int = 0
) -> Float32:
    """How often each patch (N,) was drawn in each resample, (B, N): as for all metrics, to resample means over patches.

    Args:
        labels: (N,) of the patches.
        classes: K.
        n_resamples: B.
        groups: of the patches; whole ones are drawn where they are known, so that a class counts for more or less.
        seed: of the random patches.

    Returns:
        Their counts, scaled as those of other metrics are.
    """
    if (clusters := clusters_of(labels, groups, classes)) is not None:
        return clusters.by_patch(clusters.draw(np.random.default_rng(seed), n_resamples))
    rng, found = np.random.default_rng(seed), np.zeros((n_resamples, len(labels)), np.float32)
    for k in range(classes):
        rows = np.flatnonzero(labels == k)
        found[:, rows] = _weights(rng, len(rows), n_resamples) * np.float32(len(rows) / max(1, len(rows) - 1))
    return found


def _weights(rng: np.random.Generator, patches: int, size: int) -> Float32:
    """How often each patch of a class was drawn in each of ``size`` resamples, (size, patches)."""
    if not patches:
        return np.zeros((size, 0), np.float32)
    fewer = max(1, patches - 1)
    chosen = rng.integers(0, patches, (size, fewer)) + np.arange(size)[:, None] * patches
    times = np.bincount(chosen.ravel(), minlength=size * patches).reshape(size, patches)
    return times.astype(np.float32)


def _counts(weights: Sequence[Float32], by_label: npt.NDArray[np.uint8], classes: int) -> tuple[Float32, Float32]:
    """Patches of each class that were found, and that were predicted as it, (size, T, K) each.

    Args:
        weights: of the patches of each class.
        by_label: (T, N) predictions, patches by class.
        classes: K.
    """
    hits, predicted = (np.zeros((len(weights[0]), len(by_label), classes), np.float32) for _ in range(2))
    left = 0
    for k, of_patches in enumerate(weights):
        patches = of_patches.shape[1]
        of_class = by_label[:, left : left + patches]
        for j in range(classes if patches else 0):
            count = of_patches @ (of_class == j).T.astype(np.float32) * np.float32(patches / max(1, patches - 1))
            predicted[:, :, j] += count
            if j == k:
                hits[:, :, k] = count
        left += patches
    return hits, predicted
