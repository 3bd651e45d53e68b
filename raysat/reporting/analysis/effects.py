"""Effects of a factorial: what each axis does on average over the rest, and what pairs do beyond their sum.

Every effect is a contrast of arms, so its interval and test are those of any contrast (``paired.py``). The weights are
those of least squares on dummy variables: of a balanced grid the plain means over the rest; of an unbalanced one
(excluded combinations, failed trials, named rows) means adjusted for the other factors, which takes their effects as
additive.

    main effect    level b of a factor instead of its first level a
    interaction    (b instead of a where the other factor is at its level d) minus (the same where it is at c)
    combination    of levels, against each part of it (``combination.py``)
    components     of the variance, where the grid is balanced (``variance.py``)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Self

import numpy as np

from raysat.reporting.analysis.combination import Combination, compare_with_parts
from raysat.reporting.analysis.estimate import Floats
from raysat.reporting.analysis.factors import Design, Factor, setting
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap
from raysat.reporting.analysis.significance import EPSILON, corrected
from raysat.reporting.analysis.variance import VarianceComponent, variance_components

Levels = tuple[tuple[str, str], ...]  # factor and level: one of a main effect, two of an interaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A main effect or an interaction."""

    factors: tuple[str, ...]
    levels: tuple[str, ...]  # what is tried, of each factor
    first: tuple[str, ...]  # what it is compared with
    estimates: Estimates

    @property
    def label(self) -> str:
        """``loss: ldam instead of cross_entropy``, or ``loss=ldam x average=swa``."""
        if len(self.factors) == 1:
            return f"{self.factors[0]}: {self.levels[0]} instead of {self.first[0]}"
        return " × ".join(map(setting, self.factors, self.levels))


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """All that a study's design tells of its factors."""

    design: Design
    seeds: tuple[int, ...]  # that all of its arms have finished
    main: tuple[Effect, ...]
    pairs: tuple[Effect, ...]
    unknown: tuple[int, int]  # main effects and interactions that the arms cannot tell from others: left out
    combinations: tuple[Combination, ...]
    components: tuple[VarianceComponent, ...]  # of balanced accuracy; empty where the grid is not balanced


def estimate_effects(
    bootstrap: PairedBootstrap, design: Design, best: str | None, preplanned: Sequence[Mapping[str, str]] = ()
) -> Effects | None:
    """Return all that a design tells; None where arms differ in fewer than two factors, or share no seed.

    Args:
        bootstrap: gives the estimate of a contrast.
        design: arms and factors.
        best: the first of the ranking among the design's arms, whose combination is compared with its parts.
        preplanned: further combinations to compare with their parts, each factor -> level.

    Raises:
        UsageError: a combination was asked for whose parts are not all there.
    """
    seeds = bootstrap.seeds(*design.arms) if design.arms else ()
    if len(design.factors) < 2 or not seeds:
        return None

    solved: dict[tuple[str, ...], LeastSquares] = {}  # by the two factors that interact

    def fit(factors: Sequence[Factor]) -> LeastSquares:
        pair = tuple(factors) if len(factors) > 1 else ()
        key = tuple(factor.name for factor in pair)
        if key not in solved:
            solved[key] = LeastSquares.solve(design.arms, design.factors, pair)
        return solved[key]

    def estimated(factors: Sequence[Factor], levels: Sequence[str]) -> Effect:
        contrast = fit(factors).contrast(factors, levels)
        return Effect(
            factors=tuple(factor.name for factor in factors),
            levels=tuple(levels),
            first=tuple(factor.levels[0] for factor in factors),
            estimates={} if contrast is None else bootstrap.difference(contrast),
        )

    main = [estimated([factor], [level]) for factor in design.factors for level in factor.levels[1:]]
    pairs = [
        estimated(pair, levels)
        for pair in combinations(design.factors, 2)
        for levels in product(pair[0].levels[1:], pair[1].levels[1:])
    ]
    return Effects(
        design=design,
        seeds=seeds,
        main=_with_holm(main),
        pairs=_with_holm(pairs),
        unknown=(sum(not effect.estimates for effect in main), sum(not effect.estimates for effect in pairs)),
        combinations=compare_with_parts(bootstrap, design, best, preplanned),
        components=variance_components(bootstrap, design, seeds) if design.balanced else (),
    )


def _with_holm(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Those that could be estimated, corrected for their number."""
    known = [effect for effect in effects if effect.estimates]
    family = corrected([effect.estimates for effect in known])
    return tuple(replace(effect, estimates=estimates) for effect, estimates in zip(known, family, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeastSquares:
    """The least squares of a design, of which each effect is a row: to solve them takes as long as to estimate some."""

    arms: Sequence[str]  # A of them
    columns: Sequence[Levels]
    matrix: Floats  # (A, columns)
    inverse: Floats

    @classmethod
    def solve(cls, arms: Sequence[str], factors: Sequence[Factor], pair: tuple[Factor, ...] = ()) -> Self:
        """Solve the least squares of a design.

        Args:
            arms: of the design.
            factors: all of it.
            pair: two of them that interact; empty for main effects alone.

        Returns:
            What gives each effect's contrast.
        """
        columns = design_matrix(arms, factors, pair)
        matrix = np.column_stack(list(columns.values()))
        return cls(arms=arms, columns=list(columns), matrix=matrix, inverse=np.linalg.pinv(matrix))

    def contrast(self, of: Sequence[Factor], levels: Sequence[str]) -> Contrast | None:
        """Return the main effect or interaction; None where the arms cannot tell it from others.

        Args:
            of: the factor of a main effect, or the two of an interaction.
            levels: of each of these, instead of its first.
        """
        wanted = self.columns.index(tuple((factor.name, level) for factor, level in zip(of, levels, strict=True)))
        if not np.allclose(self.inverse[wanted] @ self.matrix, np.eye(len(self.columns))[wanted], atol=1e-8):
            return None
        weights = zip(self.arms, self.inverse[wanted], strict=True)
        return Contrast({arm: float(weight) for arm, weight in weights if abs(weight) > EPSILON})


def design_matrix(
    arms: Sequence[str], factors: Sequence[Factor], pair: tuple[Factor, ...] = ()
) -> dict[Levels, Floats]:
    """Name the columns of least squares by what they stand for.

    Args:
        arms: A of them.
        factors: all of the design.
        pair: two of them that interact; empty for main effects alone.

    Returns:
        Columns (A,) by name: an intercept by (), a dummy for each level but the first of every factor by its factor and
        level and, of a pair, the products of the two factors' dummies by both.
    """

    def dummy(factor: Factor, level: str) -> Floats:
        return np.array([factor.of[arm] == level for arm in arms], dtype=np.float64)

    columns: dict[Levels, Floats] = {(): np.ones(len(arms))}
    for factor in factors:
        for level in factor.levels[1:]:
            columns[((factor.name, level),)] = dummy(factor, level)
    if pair:
        one, other = pair
        for a, b in product(one.levels[1:], other.levels[1:]):
            columns[((one.name, a), (other.name, b))] = dummy(one, a) * dummy(other, b)
    return columns
