"""What every finished cell (arm and seed) predicted for each test patch, and the metrics that only predictions give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from raysat.errors import LedgerError, UsageError
from raysat.metrics.probabilistic import Reliability, Scores, reliability, score
from raysat.report.analysis.collect import Arm, Leaderboard, Summary, summarise
from raysat.storage.predictions import Predictions
from raysat.storage.records import Record

_SINGLE: Final = ("worst_recall", "g_mean", "kappa", "mae", "ece", "nll")  # scores that are one number

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Predictions of C finished cells for the same N patches; ``seeds`` gives the rows of an arm by seed."""

    labels: npt.NDArray[np.uint8]  # (N,)
    predicted: npt.NDArray[np.uint8]  # (C, N)
    confusion: npt.NDArray[np.int64]  # (C, K, K)
    seeds: Mapping[str, Mapping[int, int]]  # arm -> seed -> row
    scores: tuple[Scores, ...]  # (C,)
    records: tuple[Record, ...]  # (C,)
    reliability: Mapping[str, Reliability]  # by arm, pooled over its seeds

    @property
    def classes(self) -> int:
        """Number of classes K."""
        return int(self.confusion.shape[1])

    def auroc(self, arm: str) -> tuple[Summary, ...]:
        """AUROC of each class against the rest over an arm's seeds."""
        return self._by_class(arm, "auroc")

    def average_precision(self, arm: str) -> tuple[Summary, ...]:
        """Average precision of each class against the rest over an arm's seeds."""
        return self._by_class(arm, "average_precision")

    def _by_class(self, arm: str, name: str) -> tuple[Summary, ...]:
        rows = [getattr(self.scores[row], name) for row in self.seeds[arm].values()]
        return tuple(summarise(row[k] for row in rows) for k in range(self.classes))


def read_cells(board: Leaderboard, progress: Progress | None = None) -> Cells:
    """Read the predictions of every finished cell.

    Args:
        board: what to read.
        progress: called with cells read and cells in all.

    Raises:
        LedgerError: predictions that are missing, damaged or not those of the record.
        UsageError: no cell has finished, or cells were measured on different patches.
    """
    total = board.finished
    first: Predictions | None = None
    predicted = np.empty((0, 0), np.uint8)
    seeds: dict[str, dict[int, int]] = {}
    records: list[Record] = []
    scores: list[Scores] = []
    bins: dict[str, Reliability] = {}
    for arm in board.arms:
        pooled = []
        for seed, source in zip(arm.seeds, arm.sources, strict=True):
            read = source.ledger.read_predictions(source.trial)
            record = source.ledger.read(source.trial)
            where = source.ledger.root / "trials" / source.trial
            if read.metrics() != record.metrics[board.reported]:
                raise LedgerError(
                    f"{where / 'predictions.npz'} is not what the record beside it was computed from",
                    hint=f"delete {where} and run the study again",
                )
            if first is None:
                first, predicted = read, np.empty((total, len(read.labels)), np.uint8)
            order = _order(first, read, f"{arm.name} with seed {seed} ({where})")
            row = len(scores)
            predicted[row] = read.predicted[order]
            records.append(record)
            scores.append(score(read.labels, read.predicted, read.probabilities, ordinal=board.ordinal))
            pooled.append(reliability(read.labels, read.predicted, read.probabilities))
            seeds.setdefault(arm.name, {})[seed] = row
            if progress:
                progress(len(scores), total)
        if pooled:
            bins[arm.name] = reduce(add, pooled)
    if first is None:
        raise _nothing_finished(board)
    return Cells(
        labels=first.labels,
        predicted=predicted,
        confusion=np.array([record.metrics[board.reported].confusion for record in records]),
        seeds=seeds,
        scores=tuple(scores),
        records=tuple(records),
        reliability=bins,
    )


def _nothing_finished(board: Leaderboard) -> UsageError:
    failed = [cell for arm in board.arms for cell in arm.failed]
    reason = f": {len(failed)} failed; the first: {failed[0].error}" if failed else ""
    return UsageError(
        f"{board.study} has no finished trial to report{reason}",
        hint="raysat ablate trains them; raysat status RUN says how far it is",
    )


def with_scores(board: Leaderboard, cells: Cells) -> Leaderboard:
    """Add what predictions give to the metrics of each arm; a metric without a value has an empty summary."""

    def extended(arm: Arm) -> Arm:
        own = [cells.scores[row] for row in cells.seeds.get(arm.name, {}).values()]
        extra = {name: summarise(getattr(each, name) for each in own) for name in _SINGLE}
        for name in ("auroc", "average_precision"):
            extra[f"macro_{name}"] = summarise(_mean(getattr(each, name)) for each in own)
        return replace(arm, metrics={**arm.metrics, **extra})

    return replace(board, arms=tuple(extended(arm) for arm in board.arms))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _order(first: Predictions, read: Predictions, cell: str) -> npt.NDArray[Any] | slice:
    """How to put a cell's patches in the order of the first one. Raises UsageError where they are not the same."""
    if np.array_equal(first.indices, read.indices):
        order: npt.NDArray[Any] | slice = slice(None)
    elif np.array_equal(np.sort(first.indices), np.sort(read.indices)):
        order = np.argsort(read.indices)[np.argsort(np.argsort(first.indices))]
    else:
        order = np.empty(0, np.int64)
    if not np.array_equal(first.labels, read.labels[order]):
        raise UsageError(
            f"{cell} was measured on other patches than the cells before it",
            hint="one report is of one test set; raysat compare compares runs on different ones",
        )
    return order
