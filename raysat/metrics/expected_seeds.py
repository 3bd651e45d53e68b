"""How many seeds a study takes that adds them until its contrasts are decided: expected, before anything is trained.

By simulation of normal paired differences with a true mean of so many of their standard deviations over seeds, the test
patches taken as many. Contrasts are simulated as independent of each other, all with the same effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from raysat.metrics.power import LEVEL
from raysat.metrics.spending import Floats, Schedule

EFFECTS: Final = {"no": 0.0, "small": 0.6, "large": 1.5}  # in standard deviations of paired differences over seeds
_STUDIES: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSeeds:
    """What a study that adds seeds until decided takes with one effect."""

    effect: str  # of EFFECTS
    size: float  # in standard deviations of paired differences
    seeds: float  # on average
    decided: float  # share of the contrasts that are


def expected_seeds(schedule: Schedule, contrasts: int) -> tuple[ExpectedSeeds, ...]:
    """Return what no, a small and a large effect take.

    Args:
        schedule: the looks.
        contrasts: how many are planned.
    """
    found = []
    for effect, size in EFFECTS.items():
        differences = np.random.default_rng(0).normal(size, 1, (_STUDIES, contrasts, schedule.sizes[-1]))
        seeds, decided = stop(schedule, looks_p(differences, schedule.sizes))
        found.append(ExpectedSeeds(effect=effect, size=size, seeds=float(seeds.mean()), decided=float(decided.mean())))
    return tuple(found)


def looks_p(differences: Floats, sizes: Sequence[int], patches: Floats | float = 0.0) -> Floats:
    """Return the two-sided p of t at each look, (..., K), as ``reporting/analysis/looks.py`` has it.

    Args:
        differences: (..., N) paired differences of each seed.
        sizes: K numbers of seeds.
        patches: (..., K) the variance that test patches give the mean, at each look.
    """
    from scipy.special import stdtr  # noqa: PLC0415  (a fifth of a second that most commands do without)

    n = np.asarray(sizes)
    total, squares = np.cumsum(differences, axis=-1)[..., n - 1], np.cumsum(differences**2, axis=-1)[..., n - 1]
    of_seeds = np.maximum((squares - total**2 / n) / (n - 1), 0) / n
    square = of_seeds + patches
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = (n - 1) * (square / of_seeds) ** 2
        p = 2 * stdtr(degrees, -np.abs(total / n) / np.sqrt(square))
    return np.where(of_seeds > 0, p, 1.0)


def stop(schedule: Schedule, p: Floats, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Follow studies from look to look, each until all of its contrasts are decided.

    Args:
        schedule: of K looks.
        p: (studies, contrasts, K) of each look alone.
        level: of the whole study, by Holm.

    Returns:
        Seeds of each study (studies,), and which contrasts were decided (studies, contrasts).
    """
    studies, contrasts, looks = p.shape
    strict = np.array([schedule.levels(level / left) for left in range(1, contrasts + 1)])  # by contrasts left
    # By how many contrasts left, at most, each would be decided by each look: Holm's steps ask for no more.
    crossed = np.maximum.accumulate(p[..., None, :] <= strict[None, None], axis=-1)  # (studies, contrasts, left, K)
    seeds, decided = np.full(studies, schedule.sizes[-1]), np.zeros((studies, contrasts), bool)
    running = np.ones(studies, bool)
    for k in range(looks):
        for _ in range(contrasts):  # Holm passes on the level of what is decided
            left = np.maximum(1, contrasts - decided.sum(axis=-1))
            new = np.take_along_axis(crossed[..., k], (left - 1)[:, None, None], axis=2)[..., 0]
            decided |= new & running[:, None]
        ends = running & decided.all(axis=-1)
        seeds[ends] = schedule.sizes[k]
        running &= ~ends
    return seeds, decided
