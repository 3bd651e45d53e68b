"""A plan as the board shows it: arms with the epochs that they share, and its trials as cells of arms x seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from raysat.board.models import NONE, ArmView
from raysat.formatting import elide_line, one_line
from raysat.storage.plan_file import ArmEntry, PlanFile

_LONGEST = 300  # characters of a name, and of settings: a thousand arms are sent at once


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """What of a plan is shown."""

    arms: tuple[ArmView, ...]
    seeds: tuple[int, ...]  # of any arm, ascending
    trials: tuple[str | None, ...]  # by cell, row by row; None where the study asks for none
    cells: Mapping[str, tuple[int, ...]]  # trial -> its cells: equal arms have some in common
    saved: float | None  # share of the images that need no training

    @classmethod
    def of(cls, plan: PlanFile) -> PlanView:
        """Lay out a plan."""
        seeds = tuple(sorted({trial.seed for arm in plan.arms for trial in arm.trials}))
        place = {seed: position for position, seed in enumerate(seeds)}
        trials: list[str | None] = [None] * (len(plan.arms) * len(seeds))
        cells: dict[str, list[int]] = {}
        for row, arm in enumerate(plan.arms):
            for trial in arm.trials:
                cell = row * len(seeds) + place[trial.seed]
                trials[cell] = trial.id
                cells.setdefault(trial.id, []).append(cell)
        images = plan.images
        return cls(
            arms=tuple(map(_arm_view, plan.arms)),
            seeds=seeds,
            trials=tuple(trials),
            cells={trial: tuple(of) for trial, of in cells.items()},
            saved=1 - images.shared / images.alone if images and images.alone else None,
        )

    @property
    def empty(self) -> list[str]:
        """The letters of cells of which nothing is known yet: NONE."""
        return [NONE] * len(self.trials)


def _arm_view(arm: ArmEntry) -> ArmView:
    name = one_line(arm.compact or arm.name)
    settings = ", ".join(arm.settings) or (arm.name if arm.compact else "")
    return ArmView(
        name=elide_line(name, _LONGEST),
        settings=elide_line(settings, _LONGEST),
        epochs=arm.epochs,
        parent=None if arm.shared is None else arm.shared.arm,
        fork=0 if arm.shared is None else arm.shared.epochs,
    )
