"""The leaderboard of what has finished, with 95 % intervals, computed a few arms at a time: best first, each once.

Means cost little: metrics of finished trials are read once. Intervals take their predictions and 2,000 resamples of the
patches, the same for every arm (``reporting/analysis/bootstrap.py``), so those of an arm are as in a report, and are
computed anew only where another of its seeds has finished.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from raysat.board.models import Leaders, LeaderView, MetricView
from raysat.errors import RaysatError, StorageError, UsageError
from raysat.metrics.catalog import ACCURACY, BALANCED_ACCURACY, ICV, MACRO_F1, RECALL, Metric
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.model import Arm, Leaderboard
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap
from raysat.reporting.analysis.predictions import read_predictions
from raysat.reporting.format.cells import difference_cell, mean_cell, n_cell, rank_cell
from raysat.reporting.format.leaderboard import MOST_CLASSES
from raysat.storage.ledger import Ledger
from raysat.storage.outcome import Outcomes
from raysat.storage.record_metrics import RecordMetrics, read_metrics

_NEVER: Final = sys.maxsize  # so many records have to be read for their metrics to be written
_AT_ONCE: Final = 8  # arms whose intervals are computed together
_COMPARED: Final = 12  # arms, the first by rank, that are compared with the best
_SAID_EVERY_S: Final = 3.0  # while intervals are computed
_PAUSE_S: Final = 0.02  # between two such computations, for whoever asks for a page meanwhile

Say = Callable[[Leaders], None]


class LeaderMaker:
    """Computes leaderboards of one run, each from what the one before left."""

    def __init__(self, ledger: Ledger) -> None:
        """Read nothing yet; ``ledger`` is of the run."""
        self._ledger = ledger
        self._version = 0
        self._metrics: dict[str, RecordMetrics | StorageError] = {}
        self._means: dict[str, tuple[tuple[str, ...], Estimates]] = {}  # arm -> its trials, and their means
        self._differences: dict[str, Estimate] = {}  # to the best arm, in balanced accuracy
        self._compared: list[tuple[str, ...]] = []  # trials of the arms whose differences these are
        self._faults: dict[str, str] = {}  # arm -> why it has no interval

    def make(self, outcomes: Outcomes, say: Say, is_over: Callable[[], bool]) -> None:
        """Compute the leaderboard of what has finished.

        Args:
            outcomes: of the run's trials.
            say: called with the leaderboard as soon as there is one, now and then while intervals come, and at the end.
            is_over: whether to stop: nobody looks any more.

        Raises:
            StorageError: the plan is damaged, or records cannot be read.
            UsageError: the study names published rows that do not exist.
        """
        at = time.time()
        new = {trial: stamp for trial, stamp in outcomes.finished.items() if trial not in self._metrics}
        self._metrics |= read_metrics(self._ledger, new, worth=_NEVER)
        board = collect(self._ledger, outcomes, metrics=self._metrics)
        ranked = board.ranked
        stale = [arm for arm in ranked if arm.n > 1 and self._means.get(arm.name, ((), {}))[0] != _trials(arm)]
        said = 0.0
        for start in range(0, len(stale), _AT_ONCE):
            if is_over():
                return
            if time.monotonic() - said > _SAID_EVERY_S:
                say(self._leaders(board, at))
                said = time.monotonic()
            self._estimate(board, stale[start : start + _AT_ONCE])
            time.sleep(_PAUSE_S)
        self._compare(board)
        say(self._leaders(board, at))

    def _estimate(self, board: Leaderboard, arms: Sequence[Arm]) -> None:
        """Find the means of some arms with their intervals; one whose predictions are damaged costs its own alone."""
        try:
            bootstrap = PairedBootstrap(read_predictions(replace(board, arms=tuple(arms))))
        except (StorageError, UsageError) as error:
            if len(arms) > 1:
                for arm in arms:
                    self._estimate(board, [arm])
                return
            self._means[arms[0].name] = (_trials(arms[0]), {})
            self._faults[arms[0].name] = error.message
            return
        for arm in arms:
            self._means[arm.name] = (_trials(arm), bootstrap.mean(Contrast.mean([arm.name])))
            self._faults.pop(arm.name, None)

    def _compare(self, board: Leaderboard) -> None:
        """Find the differences of the first arms to the best, over the seeds that both have."""
        arms = board.ranked[:_COMPARED]
        trials = [_trials(arm) for arm in arms]
        if trials == self._compared:
            return
        self._compared, self._differences = trials, {}
        if len(arms) < 2:
            return
        try:
            bootstrap = PairedBootstrap(read_predictions(replace(board, arms=arms)))
        except (StorageError, UsageError):
            return
        best = Contrast.mean([arms[0].name])
        for arm in arms[1:]:
            found = bootstrap.difference(Contrast.mean([arm.name]) - best).get(BALANCED_ACCURACY)
            if found is not None:
                self._differences[arm.name] = found

    def _leaders(self, board: Leaderboard, at: float) -> Leaders:
        self._version += 1
        ranked = board.ranked
        recalls = board.by_class(RECALL) if len(board.classes) <= MOST_CLASSES else ()
        metrics = (BALANCED_ACCURACY, ICV, MACRO_F1, *recalls, ACCURACY)
        tied = {name for name, each in self._differences.items() if each.low is not None and not each.excludes_zero}
        known = {arm.name: means for arm in ranked if (means := self._of(arm)) is not None}
        rows = tuple(self._row(arm, metrics, known.get(arm.name, {}), tied) for arm in ranked)
        ends = [end for row in rows for end in _ends(row.metrics[0])]
        return Leaders(
            version=self._version,
            at=at,
            finished=board.finished,
            intervals=len(known),
            arms=sum(arm.n > 1 for arm in ranked),
            patches=board.n_test,
            metrics=tuple((metric.name, board.label(metric)) for metric in metrics),
            total=len(rows),
            low=min(ends, default=None),
            high=max(ends, default=None),
            best=rows[0].metrics[0].value if rows else None,
            rows=rows,
            fault=next(iter(self._faults.values()), None),
        )

    def _of(self, arm: Arm) -> Estimates | None:
        trials, means = self._means.get(arm.name, ((), {}))
        return means if means and trials == _trials(arm) else None

    def _row(self, arm: Arm, metrics: Sequence[Metric], means: Mapping[Metric, Estimate], tied: set[str]) -> LeaderView:
        difference = self._differences.get(arm.name)
        return LeaderView(
            arm=arm.position,
            rank=rank_cell(arm, tied).text,
            n=n_cell(arm).text,
            is_tied=arm.name in tied,
            metrics=tuple(_metric(arm, metric, means.get(metric)) for metric in metrics),
            to_best=None if difference is None else _difference(difference),
        )


def fault_of(error: RaysatError, at: float) -> Leaders:
    """A leaderboard that cannot be made, and why."""
    return Leaders(
        version=int(at), at=at, finished=0, intervals=0, arms=0, patches=None, metrics=(), rows=(), fault=error.message
    )


def _ends(metric: MetricView) -> list[float]:
    return [end for end in (metric.low, metric.high, metric.value) if end is not None]


def _trials(arm: Arm) -> tuple[str, ...]:
    return tuple(source.trial for source in arm.sources)


def _metric(arm: Arm, metric: Metric, estimate: Estimate | None) -> MetricView:
    cell = mean_cell(arm.metrics[metric], metric, interval=estimate)
    low, high = (None, None) if estimate is None else (estimate.low, estimate.high)
    return MetricView(value=arm.metrics[metric].mean, low=low, high=high, text=cell.text, below=cell.below)


def _difference(estimate: Estimate) -> MetricView:
    cell = difference_cell(estimate)
    return MetricView(value=estimate.value, low=estimate.low, high=estimate.high, text=cell.text, below=cell.below)
