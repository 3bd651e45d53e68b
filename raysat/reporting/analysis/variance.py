"""Components of the variance of balanced accuracy on a balanced grid, as in functional ANOVA: sums of squares.

Hutter et al. 2014; exact here, as a balanced grid has every combination of levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from raysat.metrics.catalog import BALANCED_ACCURACY
from raysat.reporting.analysis.estimate import Floats
from raysat.reporting.analysis.factors import Design
from raysat.reporting.analysis.paired import PairedBootstrap


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceComponent:
    """What a source of variance holds of balanced accuracy over all trials of a balanced grid."""

    source: str
    degrees: int  # of freedom
    of_arms: float | None  # share of the variance between arms; None for seeds and noise
    of_all: float


def variance_components(
    bootstrap: PairedBootstrap, design: Design, seeds: Sequence[int]
) -> tuple[VarianceComponent, ...]:
    """Return shares of factors, of pairs, of three or more together; of seed and noise where seeds are several.

    Args:
        bootstrap: what the trials reached.
        design: a balanced one.
        seeds: that all of its arms have finished.
    """
    sizes = [len(factor.levels) for factor in design.factors]
    trials = np.empty((*sizes, len(seeds)))
    for arm in design.arms:
        place = tuple(factor.levels.index(factor.of[arm]) for factor in design.factors)
        trials[place] = bootstrap.observed(arm, seeds, BALANCED_ACCURACY)
    arms = trials.mean(axis=-1)
    by_seed = trials.reshape(-1, len(seeds)).mean(axis=0)
    total = _squares(trials - trials.mean())
    between = _squares(arms - arms.mean()) * len(seeds)
    of_seed = _squares(by_seed - trials.mean()) * arms.size
    sources: list[tuple[str, float, int]] = []
    for order in (1, 2):
        for axes in combinations(range(len(sizes)), order):
            squares = _squares(_component(arms, axes)) * len(seeds)
            name = " × ".join(design.factors[axis].name for axis in axes)
            sources.append((name, squares, int(np.prod([sizes[axis] - 1 for axis in axes]))))
    if left := arms.size - 1 - sum(degrees for _, _, degrees in sources):
        rest = max(0.0, between - sum(squares for _, squares, _ in sources))
        sources.append(("three or more together", rest, left))
    shares: list[tuple[str, float, int, float | None]] = [(*source, _share(source[1], between)) for source in sources]
    if free := len(seeds) - 1:
        noise = max(0.0, total - between - of_seed)
        shares += [("seed", of_seed, free, None), ("noise", noise, free * (arms.size - 1), None)]
    return tuple(
        VarianceComponent(source=name, degrees=degrees, of_arms=of_arms, of_all=_share(squares, total))
        for name, squares, degrees, of_arms in shares
    )


def _squares(deviations: Floats) -> float:
    return float(np.square(deviations).sum())


def _component(arms: Floats, axes: Sequence[int]) -> Floats:
    """The part of a table of means that is due to some of its axes alone, over the whole table's shape."""
    part = np.zeros_like(arms)
    for size in range(len(axes) + 1):
        for kept in combinations(axes, size):
            others = tuple(axis for axis in range(arms.ndim) if axis not in kept)
            part = part + (-1) ** (len(axes) - size) * arms.mean(axis=others, keepdims=True)
    return part


def _share(squares: float, total: float) -> float:
    return squares / total if total > 0 else 0.0
