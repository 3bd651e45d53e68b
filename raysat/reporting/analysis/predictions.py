"""What every finished trial predicted for each test patch, and the metrics that only predictions give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.data.groups import Groups
from raysat.errors import StorageError, UsageError
from raysat.files import map_at_once
from raysat.metrics.catalog import (
    AUROC,
    AVERAGE_PRECISION,
    FROM_PREDICTIONS,
    MACRO_AUROC,
    MACRO_AVERAGE_PRECISION,
    Metric,
)
from raysat.metrics.probabilistic import Reliability, Scores, reliability, score
from raysat.reporting.analysis.model import Arm, Leaderboard, MetricSummary, TrialSource, summarise
from raysat.storage.places import KeptPlaces, read_places
from raysat.storage.predictions import Predictions
from raysat.storage.records import Record

_MEAN_OF = {MACRO_AUROC: AUROC, MACRO_AVERAGE_PRECISION: AVERAGE_PRECISION}  # over classes

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrialPredictions:
    """Predictions of T finished trials for the same N patches of K classes."""

    labels: npt.NDArray[np.uint8]  # (N,)
    positions: npt.NDArray[np.int64]  # (N,) of the patches in their store
    predicted: npt.NDArray[np.uint8]  # (T, N)
    confusion: npt.NDArray[np.int64]  # (T, K, K)
    rows: Mapping[str, Mapping[int, int]]  # arm -> seed -> its place along T
    scores: tuple[Scores, ...]  # (T,)
    records: tuple[Record, ...]  # (T,), without their metrics, which would take most of the memory
    reliability: Mapping[str, Reliability]  # by arm, pooled over its seeds
    places: KeptPlaces | None = None  # of these patches and maybe others; None where nothing is known

    @property
    def groups(self) -> Groups | None:
        """The groups of the patches, as far as they are known."""
        return groups_at(self.places, self.positions)

    @property
    def classes(self) -> int:
        """Number of classes K."""
        return int(self.confusion.shape[1])

    def confusion_of(self, arm: str) -> npt.NDArray[np.int64]:
        """The confusion matrix (K, K) of an arm, summed over its seeds."""
        total: npt.NDArray[np.int64] = self.confusion[list(self.rows[arm].values())].sum(axis=0)
        return total

    def records_of(self, arm: str) -> list[Record]:
        """The records of an arm's finished trials."""
        return [self.records[row] for row in self.rows[arm].values()]


def groups_at(places: KeptPlaces | None, positions: npt.NDArray[np.int64]) -> Groups | None:
    """Return the groups of patches at some positions in their store; None where they are not known of all."""
    if places is None or places.groups is None or (rows := places.rows(positions)) is None:
        return None
    return places.groups.of(rows)


def read_predictions(board: Leaderboard, progress: Progress | None = None) -> TrialPredictions:
    """Read the predictions of every finished trial; ``progress`` is called with trials read and trials in all.

    Raises:
        StorageError: predictions or places that are missing, damaged or not those of the record or plan.
        UsageError: no trial has finished, or trials were measured on different patches.
    """
    total = board.finished
    first: Predictions | None = None
    predicted = np.empty((0, 0), np.uint8)
    rows: dict[str, dict[int, int]] = {}
    records: list[Record] = []
    confusion: list[npt.NDArray[np.int64]] = []
    scores: list[Scores] = []
    bins: dict[str, Reliability] = {}
    for arm in board.ranked:
        pooled = []
        found = map_at_once(arm.sources[0].ledger.root, _read, arm.sources)
        for seed, source, (read, record) in zip(arm.seeds, arm.sources, found, strict=True):
            where = source.ledger.root / "trials" / source.trial
            if read.metrics() != record.metrics[board.reported]:
                raise StorageError(
                    f"{where / 'predictions.npz'} is not what the record beside it was computed from",
                    hint=f"delete {where} and run the study again",
                )
            if first is None:
                first, predicted = read, np.empty((total, len(read.labels)), np.uint8)
            order = _order(first, read, f"{arm.name} with seed {seed} ({where})")
            rows.setdefault(arm.name, {})[seed] = len(records)
            predicted[len(records)] = read.predicted[order]
            records.append(record.model_copy(update={"metrics": {}}))
            confusion.append(np.array(record.metrics[board.reported].confusion))
            scores.append(score(read.labels, read.predicted, read.probabilities, ordinal=board.ordinal))
            pooled.append(reliability(read.labels, read.predicted, read.probabilities))
            if progress:
                progress(len(records), total)
        bins[arm.name] = reduce(add, pooled)
    if first is None:
        failed = [trial for arm in board.arms for trial in arm.failed]
        reason = f": {len(failed)} failed; the first: {failed[0].error}" if failed else ""
        raise UsageError(
            f"{board.study} has no finished trial to report{reason}",
            hint="{raysat ablate} trains them; {raysat status} says how far it is",
        )
    return TrialPredictions(
        labels=first.labels,
        positions=first.indices,
        predicted=predicted,
        confusion=np.array(confusion),
        rows=rows,
        scores=tuple(scores),
        records=tuple(records),
        reliability=bins,
        places=_places(board),
    )


def _places(board: Leaderboard) -> KeptPlaces | None:
    """The places of the first of a board's runs that keeps any: all are of one store."""
    ledgers = {source.ledger.root: source.ledger for arm in board.ranked for source in arm.sources}
    return next((places for ledger in ledgers.values() if (places := read_places(ledger)) is not None), None)


def _read(source: TrialSource) -> tuple[Predictions, Record]:
    return source.ledger.read_predictions(source.trial), source.ledger.read(source.trial)


def with_scores(board: Leaderboard, predictions: TrialPredictions) -> Leaderboard:
    """Add what predictions give to the metrics of each arm; a metric without a value has an empty summary."""
    by_class = [*board.by_class(AUROC), *board.by_class(AVERAGE_PRECISION)]

    def summary(metric: Metric, scores: Sequence[Scores]) -> MetricSummary:
        if (part := _MEAN_OF.get(metric)) is None:
            return summarise(map(metric.of, scores))
        return summarise(_mean(getattr(trial, part.name)) for trial in scores)

    def extended(arm: Arm) -> Arm:
        scores = [predictions.scores[row] for row in predictions.rows.get(arm.name, {}).values()]
        extra = {metric: summary(metric, scores) for metric in (*FROM_PREDICTIONS, *by_class)}
        return replace(arm, metrics={**arm.metrics, **extra})

    return replace(board, arms=tuple(map(extended, board.arms)))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _order(first: Predictions, read: Predictions, trial: str) -> npt.NDArray[Any] | slice:
    """How to put a trial's patches in the order of the first one. Raises UsageError where they are not the same."""
    if np.array_equal(first.indices, read.indices):
        order: npt.NDArray[Any] | slice = slice(None)
    elif np.array_equal(np.sort(first.indices), np.sort(read.indices)):
        order = np.argsort(read.indices)[np.argsort(np.argsort(first.indices))]
    else:
        order = np.empty(0, np.int64)
    if not np.array_equal(first.labels, read.labels[order]):
        raise UsageError(
            f"{trial} was measured on other patches than the trials before it",
            hint="one report is of one test set; {raysat compare} compares runs on different ones",
        )
    return order
