"""Shares of the variance of a metric on a balanced grid: sums of squares over the total one, as in functional ANOVA.

Hutter et al. 2014; exact here, as a balanced grid has every combination of levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from raysat.report.analysis.factors import Design
from raysat.report.analysis.paired import Blocks

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a source of variance holds of a metric over all cells (arm and seed) of a balanced grid."""

    source: str
    squares: float  # sum of squared deviations
    degrees: int
    of_arms: float | None  # share of the variance between arms; None for seeds and noise
    of_all: float


def shares(
    blocks: Blocks, design: Design, seeds: Sequence[int], measure: str = "balanced_accuracy"
) -> tuple[Share, ...]:
    """Split the variance of a metric over the cells of a balanced grid: factors, pairs, more at once, seeds, noise."""
    sizes = [len(factor.levels) for factor in design.factors]
    cells = np.empty((*sizes, len(seeds)))
    for arm in design.arms:
        where = tuple(factor.levels.index(factor.of[arm]) for factor in design.factors)
        cells[where] = [blocks.value(arm, seed, measure) for seed in seeds]
    total = float(np.square(cells - cells.mean()).sum())
    arms = cells.mean(axis=-1)
    between = float(np.square(arms - arms.mean()).sum()) * len(seeds)
    by_seed = cells.reshape(-1, len(seeds)).mean(axis=0)
    seed_squares = float(np.square(by_seed - cells.mean()).sum()) * arms.size
    found: list[tuple[str, float, int]] = []
    for order in (1, 2):
        for which in combinations(range(len(sizes)), order):
            squares = float(np.square(_component(arms, which)).sum()) * len(seeds)
            name = " × ".join(design.factors[axis].name for axis in which)
            found.append((name, squares, int(np.prod([sizes[axis] - 1 for axis in which]))))
    left = arms.size - 1 - sum(degrees for _, _, degrees in found)
    if left:
        found.append(("three or more together", max(0.0, between - sum(s for _, s, _ in found)), left))
    ours = [
        Share(source=name, squares=s, degrees=d, of_arms=_part(s, between), of_all=_part(s, total))
        for name, s, d in found
    ]
    noise = max(0.0, total - between - seed_squares)
    free = len(seeds) - 1
    rest: list[tuple[str, float, int]] = [("seed", seed_squares, free), ("noise", noise, free * (arms.size - 1))]
    return (
        *ours,
        *(Share(source=n, squares=s, degrees=d, of_arms=None, of_all=_part(s, total)) for n, s, d in rest if free),
    )


def _component(arms: Floats, which: Sequence[int]) -> Floats:
    """The part of a table of means that is due to some of its axes alone, over the whole table's shape."""
    part = np.zeros_like(arms)
    for size in range(len(which) + 1):
        for kept in combinations(which, size):
            others = tuple(axis for axis in range(arms.ndim) if axis not in kept)
            part = part + (-1) ** (len(which) - size) * arms.mean(axis=others, keepdims=True)
    return part


def _part(squares: float, total: float) -> float:
    return squares / total if total > 0 else 0.0
