"""What a study cost, and on what: images, seconds, machines, versions; from its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raysat.formatting import plural
from raysat.report.analysis.collect import Leaderboard
from raysat.report.analysis.predictions import Cells
from raysat.storage.records import Hardware


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCost:
    """What an arm's finished trials took, each counted as if it were trained alone."""

    images: int  # through the model in training, augmented views included
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


def cost_of(board: Leaderboard, cells: Cells) -> Cost:
    """Add up the records of a board's finished cells."""
    arms = {}
    for arm, rows in cells.seeds.items():
        records = [cells.records[row] for row in rows.values()]
        arms[arm] = ArmCost(
            images=sum(record.images for record in records),
            seconds=sum(record.seconds for record in records),
            parameters=records[0].parameters,
            epochs=records[0].epochs,
        )
    own = [cells.records[row] for rows in cells.seeds.values() for row in rows.values()]
    hardware = {_machine(record.hardware) for record in own}
    versions = {f"{name} {version}" for record in own for name, version in record.versions.items()}
    return Cost(arms=arms, planned=board.images, hardware=tuple(sorted(hardware)), versions=tuple(sorted(versions)))


def _machine(hardware: Hardware) -> str:
    """``cpu, 2 threads, x86_64``: what is on record of it."""
    threads = hardware.threads and plural(hardware.threads, "thread")
    return ", ".join(part for part in (hardware.device, threads, hardware.machine) if part) or "unknown"
