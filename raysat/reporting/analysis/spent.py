"""What a report's trials really took: hours, images and energy, with every epoch that trials share counted once.

A trial's learning curve tells the time and the images of each epoch. An epoch that several trials share was trained
once, and stands in the curve of each with the same numbers to the last digit: equal rows are one epoch. An epoch that
was trained twice, as after a lost checkpoint, took another time and counts twice, as it should.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from raysat.errors import StorageError
from raysat.files import map_at_once
from raysat.reporting.analysis.model import Leaderboard, TrialSource
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.storage.records import Record

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Energy that was measured."""

    kwh: float
    epochs: int  # that it is of
    by: tuple[str, ...]  # how: ``codecarbon 3.3.2: RAPL``


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the finished trials took, each counted once whatever arms share it."""

    trials: int
    seeds: tuple[int, ...]  # of any of them, ascending
    epochs: int  # that were trained
    epochs_alone: int  # with every trial trained alone
    seconds: float  # of epochs that were trained
    seconds_alone: float
    images: int
    images_alone: int
    gpu_hours: Mapping[str, float]  # by the GPU's name
    core_hours: float  # of CPU threads, where no GPU trained
    energy: Measured | None  # None where nothing was measured
    whole: bool  # False where a learning curve lacks its times: such a trial counts as if it were trained alone

    @property
    def hours(self) -> float:
        """Hours of training."""
        return self.seconds / _SECONDS_PER_HOUR

    @property
    def saved(self) -> float:
        """The share of images that sharing epochs has saved."""
        return 1 - self.images / self.images_alone if self.images_alone else 0.0


@dataclass(frozen=True, slots=True)
class _Epoch:
    """One epoch that a trial passed through; equal ones are the same."""

    row: tuple[tuple[str, float], ...]  # of the learning curve
    seconds: float
    images: int


def spent(board: Leaderboard, predictions: TrialPredictions) -> Spent:
    """Add up what a board's finished trials took.

    Args:
        board: the arms.
        predictions: with the records of their trials.
    """
    records: dict[str, Record] = {}
    sources: dict[str, TrialSource] = {}
    for arm in board.ranked:
        for record, source in zip(predictions.records_of(arm.name), arm.sources, strict=True):
            records.setdefault(record.id, record)
            sources.setdefault(record.id, source)
    root = next(iter(sources.values())).ledger.root
    histories = dict(zip(sources, map_at_once(root, _history, list(sources.values())), strict=True))
    trained: dict[_Epoch | str, tuple[float, int, Record]] = {}  # an epoch, or a trial whose curve has no times
    for trial, record in records.items():
        rows = histories[trial]
        if rows is None:
            trained[trial] = (record.seconds, record.images, record)
            continue
        for epoch in _epochs(rows):
            trained.setdefault(epoch, (epoch.seconds, epoch.images, record))
    gpu_hours: dict[str, float] = {}
    core_hours = 0.0
    for seconds, _, record in trained.values():
        hardware, hours = record.hardware, seconds / _SECONDS_PER_HOUR
        if hardware.device in (None, "cpu"):
            core_hours += hours * hardware.workers * (hardware.threads or 1)
        else:
            share = 1.0 if hardware.gpus is None else hardware.gpus
            gpu_hours[str(hardware.device)] = (
                gpu_hours.get(str(hardware.device), 0.0) + hours * hardware.workers * share
            )
    every = records.values()
    return Spent(
        trials=len(records),
        seeds=tuple(sorted({seed for arm in board.ranked for seed in arm.seeds})),
        epochs=sum(1 if isinstance(what, _Epoch) else record.epochs for what, (_, _, record) in trained.items()),
        epochs_alone=sum(record.epochs for record in every),
        seconds=sum(seconds for seconds, _, _ in trained.values()),
        seconds_alone=sum(record.seconds for record in every),
        images=sum(images for _, images, _ in trained.values()),
        images_alone=sum(record.images for record in every),
        gpu_hours=dict(sorted(gpu_hours.items())),
        core_hours=core_hours,
        energy=_measured([record for record in every if record.energy is not None]),
        whole=all(rows is not None for rows in histories.values()),
    )


def _history(source: TrialSource) -> Sequence[Mapping[str, float]] | None:
    """A trial's learning curve; None where it is damaged, or lacks what an epoch took."""
    try:
        rows = source.ledger.read_history(source.trial)
    except StorageError:
        return None
    return rows if rows and all({"seconds", "images"} <= row.keys() for row in rows) else None


def _epochs(rows: Sequence[Mapping[str, float]]) -> Iterator[_Epoch]:
    before = 0
    for row in rows:
        yield _Epoch(tuple(sorted(row.items())), row["seconds"], int(row["images"]) - before)
        before = int(row["images"])


def _measured(records: Sequence[Record]) -> Measured | None:
    """The energy of records that have it: each is of the epochs that were trained for that record alone."""
    found = [record.energy for record in records if record.energy is not None]
    if not found:
        return None
    by = tuple(sorted({energy.by for energy in found}))
    return Measured(kwh=sum(each.kwh for each in found), epochs=sum(each.epochs for each in found), by=by)
