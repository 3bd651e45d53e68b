"""What was evaluated of a run's models after their training: read from where the run keeps it, for the same patches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from raysat.errors import DeniedError, DiskError, FormatError, StorageError
from raysat.files import AnyPath, map_at_once
from raysat.metrics.confusion import confusion_matrix
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.storage.evaluations import PREDICTIONS, EvaluationRecord, Evaluations
from raysat.storage.ledger import Ledger
from raysat.storage.places import KeptPlaces
from raysat.storage.predictions import Predictions

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """An evaluation of a model as it is now, whole when it was looked at."""

    arm: str
    seed: int
    record: EvaluationRecord
    kept: Evaluations  # where it lies

    def predictions(self, file: str = PREDICTIONS) -> Predictions:
        """Read its predictions, by position in the store. Raises StorageError where they are damaged."""
        return by_position(self.kept.read_predictions(self.record.subject.name, self.record.trial, file))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All evaluations of a board's models."""

    evaluated: tuple[Evaluated, ...]
    left_out: int  # damaged, or of other weights or corruptions than now: ``raysat ledger verify`` names them


def read_evaluations(board: Leaderboard) -> Found:
    """Read what was evaluated of the finished models of a board.

    Raises:
        FormatError: another raysat wrote one.
        DeniedError: this user may not read one.
        DiskError: the machine cannot.
    """
    by_trial: dict[tuple[AnyPath, str], list[tuple[str, int]]] = {}
    ledgers: dict[AnyPath, Ledger] = {}
    for arm in board.ranked:
        for seed, source in zip(arm.seeds, arm.sources, strict=True):
            root = source.ledger.root
            ledgers.setdefault(root, source.ledger)
            by_trial.setdefault((root, source.trial), []).append((arm.name, seed))
    found: list[Evaluated] = []
    left_out = 0
    for root, ledger in ledgers.items():
        kept = Evaluations(root)
        there = [(name, trial) for name in kept.names() for trial in kept.trials(name) if (root, trial) in by_trial]
        for (_, trial), record in zip(there, map_at_once(root, _reader(kept, ledger), there), strict=True):
            left_out += record is None
            if record is not None:
                found += [
                    Evaluated(arm=arm, seed=seed, record=record, kept=kept) for arm, seed in by_trial[root, trial]
                ]
    return Found(evaluated=tuple(found), left_out=left_out)


def _reader(kept: Evaluations, ledger: Ledger) -> Callable[[tuple[str, str]], EvaluationRecord | None]:
    """What reads a record by its evaluation and trial; None where it is damaged or outdated."""

    def read(place: tuple[str, str]) -> EvaluationRecord | None:
        try:
            record = kept.read_whole(*place)
            return record if record.is_current(ledger.weights_digest(record.trial)) else None
        except (DeniedError, DiskError, FormatError):
            raise
        except StorageError:
            return None

    return read


def by_position(predictions: Predictions) -> Predictions:
    """Predictions in the order of their patches in the store."""
    order = np.argsort(predictions.indices, kind="stable")
    return Predictions(
        labels=predictions.labels[order],
        predicted=predictions.predicted[order],
        probabilities=predictions.probabilities[order],
        indices=predictions.indices[order],
    )


def check_same_patches(first: Predictions, found: Predictions, arm: str, seed: int) -> None:
    """Raise StorageError where predictions cannot be compared patch by patch.

    Args:
        first: of some model.
        found: of another one.
        arm: of that.
        seed: of that.
    """
    if not (np.array_equal(found.indices, first.indices) and np.array_equal(found.labels, first.labels)):
        raise StorageError(
            f"{arm} with seed {seed} was evaluated on other patches than the models before it",
            hint="{raysat evaluate} evaluates it again once its folder in evaluations is deleted",
        )


def pooled(trials: Mapping[tuple[str, int], Predictions], places: KeptPlaces | None = None) -> TrialPredictions:
    """Put predictions for the same patches together, for what resamples them.

    Args:
        trials: by what takes the place of an arm, and seed; in the order of their patches.
        places: of the patches, where they are those of the run.

    Raises:
        StorageError: they are of different patches.
    """
    first = next(iter(trials.values()))
    rows: dict[str, dict[int, int]] = {}
    for place, ((arm, seed), found) in enumerate(trials.items()):
        check_same_patches(first, found, arm, seed)
        rows.setdefault(arm, {})[seed] = place
    classes = first.probabilities.shape[1]
    return TrialPredictions(
        labels=first.labels,
        positions=first.indices,
        predicted=np.array([found.predicted for found in trials.values()]),
        confusion=np.array([confusion_matrix(found.labels, found.predicted, classes) for found in trials.values()]),
        rows=rows,
        scores=(),
        records=(),
        reliability={},
        places=places,
    )


def of_board(board: Leaderboard) -> Iterator[tuple[str, int, Callable[[], Predictions]]]:
    """Each finished model of a board: its arm, its seed, and how its own predictions are read, by position."""
    for arm in board.ranked:
        for seed, source in zip(arm.seeds, arm.sources, strict=True):
            yield arm.name, seed, lambda source=source: by_position(source.ledger.read_predictions(source.trial))  # type: ignore[misc]
