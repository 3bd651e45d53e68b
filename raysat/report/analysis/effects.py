"""Effects of a factorial: what each axis does on average over the rest, and what pairs do beyond their sum.

Every effect is a weighted sum of arms, so its interval and test are those of any contrast (``paired.py``). The weights
are those of least squares on dummy variables: of a balanced grid the plain means over the rest; of an unbalanced one
(excluded combinations, failed trials, named rows) means adjusted for the other factors, which takes their effects as
additive.

    main effect    level b of a factor instead of its first level a
    interaction    (b instead of a where the other factor is at its level d) minus (the same where it is at c)
    together       a combination of levels against each part of it, averaged over the other factors; its synergy is
                   what it gains over none of them, less the sum of what each of them gains alone
    shares         of the variance, where the grid is balanced (``variance.py``)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.errors import UsageError
from raysat.report.analysis.factors import Design, Factor
from raysat.report.analysis.paired import Blocks, Estimate, corrected
from raysat.report.analysis.variance import Share, shares

_MOST_TOGETHER: Final = 4  # levels combined: 16 subsets

Floats = npt.NDArray[np.float64]
Columns = list[Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A main effect or an interaction; ``estimates`` by measure."""

    factors: tuple[str, ...]
    levels: tuple[str, ...]  # what is tried, of each factor
    first: tuple[str, ...]  # what it is compared with
    estimates: Mapping[str, Estimate]

    @property
    def label(self) -> str:
        """``loss: ldam instead of cross_entropy``, or ``loss=ldam x average=swa``."""
        if len(self.factors) == 1:
            return f"{self.factors[0]}: {self.levels[0]} instead of {self.first[0]}"
        return " × ".join(map(setting, self.factors, self.levels))


def setting(factor: str, level: str) -> str:
    """``loss=ldam``, or ``(loss + reweight)=(ldam + drw)`` of factors that always change together."""
    return f"({factor})=({level})" if " + " in factor else f"{factor}={level}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """A part of a combination: its mean over the other factors, and what the whole gains over it."""

    label: str
    mean: Mapping[str, Estimate]
    gain: Mapping[str, Estimate]  # of the whole over this part; empty for the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """A combination of levels against its parts."""

    label: str
    asked: bool  # for by name; else it is that of the best arm of the grid, chosen after seeing the results
    over: int  # combinations of the other factors, averaged
    at: str  # the only one of them, where it is one; empty without other factors
    synergy: Mapping[str, Estimate]
    subsets: tuple[Subset, ...]  # the whole first


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """All that a study's design tells of its factors."""

    design: Design
    seeds: tuple[int, ...]  # that all of its arms have finished
    main: tuple[Effect, ...]
    pairs: tuple[Effect, ...]
    unknown: tuple[int, int]  # main effects and interactions that the arms cannot tell from others: left out
    together: tuple[Together, ...]
    shares: tuple[Share, ...]  # of balanced accuracy; empty where the grid is not balanced


def effects(
    blocks: Blocks, design: Design, best: str | None, asked: Sequence[Mapping[str, str]] = ()
) -> Effects | None:
    """Estimate everything; None where arms differ in fewer than two factors, or share no seed.

    Args:
        blocks: the cells on all draws.
        design: arms and factors.
        best: the first of the ranking among the design's arms, whose combination is compared with its parts.
        asked: further combinations to compare with their parts, each factor -> level.

    Raises:
        UsageError: a combination was asked for whose parts are not all there.
    """
    seeds = blocks.seeds(*design.arms) if design.arms else ()
    if len(design.factors) < 2 or not seeds:
        return None
    main = [
        _effect(blocks, design, [factor], [level], design.factors)
        for factor in design.factors
        for level in factor.levels[1:]
    ]
    pairs = [
        _effect(blocks, design, list(pair), list(levels), design.factors)
        for pair in combinations(design.factors, 2)
        for levels in product(pair[0].levels[1:], pair[1].levels[1:])
    ]
    wanted = [(levels, True) for levels in asked]
    if best is not None:
        own = {factor.name: factor.of[best] for factor in design.factors if factor.of[best] != factor.levels[0]}
        wanted += [(own, False)] if own not in asked else []
    together = [_together(blocks, design, levels, by_name) for levels, by_name in wanted]
    for (levels, by_name), found in zip(wanted, together, strict=True):
        if by_name and found is None:
            named = ",".join(f"{name}={level}" for name, level in levels.items())
            raise UsageError(
                f"--together {named}: no arms are the same but for these, with and without each of them",
                hint="a combination is compared with its parts, which the study must have too",
            )
    return Effects(
        design=design,
        seeds=seeds,
        main=_with_holm(main),
        pairs=_with_holm(pairs),
        unknown=(sum(not each.estimates for each in main), sum(not each.estimates for each in pairs)),
        together=tuple(each for each in together if each is not None),
        shares=shares(blocks, design, seeds) if design.balanced else (),
    )


def _with_holm(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """Those that could be estimated, corrected for their number."""
    found = [effect for effect in effects if effect.estimates]
    fresh = corrected([effect.estimates for effect in found])
    return tuple(
        Effect(factors=effect.factors, levels=effect.levels, first=effect.first, estimates=estimates)
        for effect, estimates in zip(found, fresh, strict=True)
    )


def _effect(
    blocks: Blocks, design: Design, factors: Sequence[Factor], levels: Sequence[str], all_: Sequence[Factor]
) -> Effect:
    weights = contrast(design.arms, all_, factors, levels)
    return Effect(
        factors=tuple(factor.name for factor in factors),
        levels=tuple(levels),
        first=tuple(factor.levels[0] for factor in factors),
        estimates={} if weights is None else blocks.estimates(weights),
    )


def contrast(
    arms: Sequence[str], factors: Sequence[Factor], of: Sequence[Factor], levels: Sequence[str]
) -> dict[str, float] | None:
    """Weights of arms whose sum is a main effect (one factor and level) or an interaction (two of each).

    Least squares on an intercept, a dummy for each level but the first of every factor and, for an interaction, the
    products of the two factors' dummies. None where the arms cannot tell the effect from others.
    """
    columns: Columns = [np.ones(len(arms))]
    wanted = -1
    for factor in factors:
        for level in factor.levels[1:]:
            if [factor.name] == [each.name for each in of] and [level] == list(levels):
                wanted = len(columns)
            columns.append(_dummy(arms, factor, level))
    if len(of) == 2:
        for pair in product(of[0].levels[1:], of[1].levels[1:]):
            if list(pair) == list(levels):
                wanted = len(columns)
            columns.append(_dummy(arms, of[0], pair[0]) * _dummy(arms, of[1], pair[1]))
    x = np.column_stack(columns)
    inverse = np.linalg.pinv(x)
    estimable = np.allclose(inverse[wanted] @ x, np.eye(len(columns))[wanted], atol=1e-8)
    weights = {arm: float(weight) for arm, weight in zip(arms, inverse[wanted], strict=True) if abs(weight) > 1e-12}
    return weights if estimable else None


def _dummy(arms: Sequence[str], factor: Factor, level: str) -> Floats:
    return np.array([factor.of[arm] == level for arm in arms], dtype=np.float64)


def _together(blocks: Blocks, design: Design, levels: Mapping[str, str], asked: bool) -> Together | None:
    """Compare a combination with each of its parts; None for less than two levels, too many, or no rest to average."""
    chosen = [factor for factor in design.factors if factor.name in levels]
    rest = [factor for factor in design.factors if factor.name not in levels]
    if not 2 <= len(chosen) <= _MOST_TOGETHER:
        return None
    parts = [part for size in range(len(chosen), -1, -1) for part in combinations(chosen, size)]
    means: list[dict[str, float]] = [{} for _ in parts]
    over, at = 0, ""
    for others in dict.fromkeys(tuple(factor.of[arm] for factor in rest) for arm in design.arms):
        fixed = {factor.name: level for factor, level in zip(rest, others, strict=True)}
        first = {factor.name: factor.levels[0] for factor in chosen}
        arms = [design.arm(fixed | first | {f.name: levels[f.name] for f in part}) for part in parts]
        if None not in arms:  # else some part has no arm here: the comparison would not be of like with like
            over += 1
            at = _label(rest, fixed) if rest and over == 1 else ""
            for mean, arm in zip(means, arms, strict=True):
                mean[str(arm)] = 1.0
    if not over:
        return None
    means = [{arm: weight / over for arm, weight in mean.items()} for mean in means]
    whole, none = means[0], means[-1]
    alone = [mean for part, mean in zip(parts, means, strict=True) if len(part) == 1]
    synergy = _sum((1, whole), (-1, none), *((-1, mean) for mean in alone), (len(alone), none))
    gains = corrected([blocks.estimates(_sum((1, whole), (-1, mean))) for mean in means[1:]])
    return Together(
        label=_label(chosen, levels),
        asked=asked,
        over=over,
        at=at,
        synergy=blocks.estimates(synergy),
        subsets=tuple(
            Subset(label=_label(part, levels), mean=blocks.estimates(mean, test=False), gain=gain)
            for part, mean, gain in zip(parts, means, [{}, *gains], strict=True)
        ),
    )


def _label(factors: Sequence[Factor], levels: Mapping[str, str]) -> str:
    return " + ".join(setting(factor.name, levels[factor.name]) for factor in factors) or "none of them"


def _sum(*terms: tuple[float, Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for scale, weights in terms:
        for arm, weight in weights.items():
            total[arm] = total.get(arm, 0.0) + scale * weight
    return {arm: weight for arm, weight in total.items() if abs(weight) > 1e-12} or {next(iter(total)): 0.0}
