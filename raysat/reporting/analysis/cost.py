"""What a study cost, and on what: images, seconds, machines, versions; from its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raysat.formatting import plural
from raysat.reporting.analysis.model import Leaderboard
from raysat.reporting.analysis.predictions import TrialPredictions
from raysat.storage.records import Hardware


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCost:
    """What an arm's finished trials took, each counted as if it were trained alone."""

    images: int  # through the model in training, augmented views and second passes included
    seconds: float
    parameters: int
    epochs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the finished trials of a report took."""

    arms: Mapping[str, ArmCost]
    planned: tuple[int, int] | None  # images of all trials alone, and with their epochs shared; None in older plans
    hardware: tuple[str, ...]
    versions: tuple[str, ...]  # ``torch 2.15.0``; two of a package where its trials ran on two

    @property
    def images(self) -> int:
        """Images of all arms, as if no epoch were shared."""
        return sum(arm.images for arm in self.arms.values())

    @property
    def seconds(self) -> float:
        """Seconds of all arms, as if no epoch were shared."""
        return sum(arm.seconds for arm in self.arms.values())

    @property
    def saving(self) -> float | None:
        """How many times fewer images are trained by sharing epochs; None where that is not known."""
        return None if self.planned is None or not self.planned[1] else self.planned[0] / self.planned[1]


def cost_of(board: Leaderboard, predictions: TrialPredictions) -> Cost:
    """Add up the records of a board's finished trials."""
    records = {arm: predictions.records_of(arm) for arm in predictions.rows}
    every = [record for of_arm in records.values() for record in of_arm]
    return Cost(
        arms={
            arm: ArmCost(
                images=sum(record.images for record in of_arm),
                seconds=sum(record.seconds for record in of_arm),
                parameters=of_arm[0].parameters,
                epochs=of_arm[0].epochs,
            )
            for arm, of_arm in records.items()
        },
        planned=board.images,
        hardware=tuple(sorted({_machine(record.hardware) for record in every})),
        versions=tuple(sorted({f"{name} {version}" for record in every for name, version in record.versions.items()})),
    )


def _machine(hardware: Hardware) -> str:
    """``cpu, 2 threads, x86_64``: what is on record of it."""
    threads = hardware.threads and plural(hardware.threads, "thread")
    return ", ".join(part for part in (hardware.device, threads, hardware.machine) if part) or "unknown"
