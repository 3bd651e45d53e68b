"""What a model that is handed on has reached: the average of its seeds, and single seeds of its arm, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from raysat.errors import StorageError, UsageError
from raysat.metrics.catalog import Metric
from raysat.metrics.confusion import confusion_matrix
from raysat.reporting.analysis.bootstrap import observed, resample, resampled_metrics
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.estimate import Floats, middle
from raysat.reporting.analysis.model import Arm
from raysat.reporting.analysis.paired import Contrast, PairedBootstrap
from raysat.reporting.analysis.predictions import TrialPredictions, read_predictions
from raysat.storage.ledger import Ledger
from raysat.storage.model_folder import Figure, Measured

_ALONE: Final = "exported"


def best_arm(ledger: Ledger) -> str:
    """The arm that the leaderboard has first. Raises UsageError where none has finished, StorageError."""
    ranked = collect(ledger).ranked
    if not ranked:
        raise UsageError(f"{ledger.root} has no finished trial", hint="see {raysat status}")
    return ranked[0].name


def measure(ledger: Ledger, arm: str, seeds: Sequence[int]) -> Measured:
    """Return the figures of an arm's models, on the patches that the run reports on.

    The exported model averages the probabilities of its seeds, as the run saved them (float16); intervals of it are
    over resamples of the patches. Those of single seeds are over seeds and patches, as in every report.

    Args:
        ledger: of the run.
        arm: its name.
        seeds: those of its finished ones that are exported.

    Raises:
        StorageError: damaged records or predictions.
        UsageError: the arm's seeds were measured on different patches.
    """
    board = collect(ledger)
    row = next(known for known in board.arms if known.name == arm)
    predictions = read_predictions(replace(board, arms=(row,)))
    estimates = PairedBootstrap(predictions).mean(Contrast.mean([arm]))
    together = _averaged(row, seeds, predictions)
    metrics = resampled_metrics(predictions.classes)
    return Measured(
        split=board.reported,
        patches=len(predictions.labels),
        support=tuple(np.bincount(predictions.labels, minlength=predictions.classes).tolist()),
        model={
            board.key(metric): _figure(metric, value, of_metric)
            for metric, value, of_metric in zip(metrics, observed(together)[:, 0], _resamples(together), strict=True)
            if np.isfinite(value)
        },
        seeds={
            board.key(metric): Figure(value=found.value, low=found.low, high=found.high)
            for metric, found in estimates.items()
        },
        n_seeds=row.n,
        rank=row.rank,
        arms=len(board.ranked),
    )


def _figure(metric: Metric, value: float, resampled: Floats) -> Figure:
    """A value with the middle 95 % of its resamples (B,); without an interval where no resample differs."""
    low, high = (float(end) for end in middle(resampled))
    if low == high:
        return Figure(value=float(value))
    return Figure(value=float(value), low=max(metric.bounds[0], low), high=min(metric.bounds[1], high))


def _resamples(together: TrialPredictions) -> Floats:
    """(M, B) metrics of the one model on each resample of the patches."""
    found = resample(together)
    return np.asarray(found.of([0]))[..., 0].astype(np.float64)


def _averaged(arm: Arm, seeds: Sequence[int], of_arm: TrialPredictions) -> TrialPredictions:
    """The predictions of one model that averages some seeds of an arm, in the order of the others."""
    chosen = [source for seed, source in zip(arm.seeds, arm.sources, strict=True) if seed in seeds]
    read = [source.ledger.read_predictions(source.trial) for source in chosen]
    if any(not np.array_equal(one.indices, read[0].indices) for one in read):
        raise StorageError(f"the seeds of arm {arm.name!r} were measured on different patches")
    labels = read[0].labels
    if len(read) == 1:  # before it was rounded
        predicted = read[0].predicted
    else:
        predicted = (
            np.mean([one.probabilities for one in read], axis=0, dtype=np.float32).argmax(axis=1).astype(np.uint8)
        )
    return TrialPredictions(
        labels=labels,
        positions=read[0].indices,
        predicted=predicted[None],
        confusion=confusion_matrix(labels, predicted, of_arm.classes)[None],
        rows={_ALONE: {0: 0}},
        scores=(),
        records=(),
        reliability={},
        places=of_arm.places,
    )
