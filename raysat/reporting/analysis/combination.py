"""Combinations of levels against each of their parts, averaged over the other factors.

The gain of the whole over a part is the mean of the arms with the whole, less that of the same arms with the part
alone. Its synergy is what it gains over none of its levels, less the sum of what each of them gains alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from raysat.errors import UsageError, suggest
from raysat.reporting.analysis.factors import Design, Factor, setting
from raysat.reporting.analysis.paired import Contrast, Estimates, PairedBootstrap
from raysat.reporting.analysis.significance import corrected

_MOST_LEVELS: Final = 4  # combined: 16 subsets
OPTION: Final = "{--combination}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """A part of a combination: its mean over the other factors, and what the whole gains over it."""

    label: str
    mean: Estimates
    gain: Estimates  # of the whole over this part; empty for the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """A combination of levels against its parts."""

    label: str
    preplanned: bool  # named before; else it is that of the best arm of the grid, chosen after seeing the results
    n_contexts: int  # combinations of the other factors, averaged
    at: str  # the only one of them, where it is one; empty without other factors
    synergy: Estimates
    subsets: tuple[Subset, ...]  # the whole first


def parse_combination(text: str, design: Design) -> dict[str, str]:
    """Read ``loss=ldam,average=swa``. Raises UsageError for factors and levels that the arms do not have."""
    levels = {factor.name: factor.levels for factor in design.factors}
    chosen: dict[str, str] = {}
    for part in re.split(r",(?![^(]*\))", text):  # a level's own commas stand in brackets: triangular(a=1, b=2)
        name, equals, level = (word.strip() for word in part.partition("="))
        if not equals:
            raise UsageError(f"{OPTION} {text}: {part!r} is not factor=level", hint="such as loss=ldam,average=swa")
        check_known(name, list(levels), "factor of these arms")
        if name in chosen:
            raise UsageError(f"{OPTION} {text}: {name} is given twice", hint="give each factor one level")
        chosen[name] = check_known(level, levels[name], f"level of {name}")
        if level == levels[name][0]:
            raise UsageError(
                f"{OPTION} {text}: {name}={level} is what its other levels are compared with",
                hint=f"name one of {', '.join(levels[name][1:])}",
            )
    if not 2 <= len(chosen) <= _MOST_LEVELS:
        raise UsageError(f"{OPTION} {text}: a combination is of 2 to {_MOST_LEVELS} factors")
    return chosen


def check_known(name: str, known: Sequence[str], what: str) -> str:
    """Return a name that a user gave. Raises UsageError where it is not known.

    Args:
        name: as given.
        known: those that there are.
        what: the noun for them.
    """
    if name not in known:
        listed = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        raise UsageError(f"no {what} is called {name!r}", hint=suggest(name, known, f"there are {listed}"))
    return name


def compare_with_parts(
    bootstrap: PairedBootstrap, design: Design, best: str | None, preplanned: Sequence[Mapping[str, str]]
) -> tuple[Combination, ...]:
    """Return combinations against their parts: those named before, then the best arm's where its parts are there.

    Args:
        bootstrap: gives the estimate of a contrast.
        design: arms and factors.
        best: an arm of the design, or None.
        preplanned: combinations, each factor -> level.

    Raises:
        UsageError: the parts of a preplanned one are not all there.
    """
    compared = []
    for levels in preplanned:
        combination = _compared(bootstrap, design, levels, preplanned=True)
        if combination is None:
            named = ",".join(f"{name}={level}" for name, level in levels.items())
            raise UsageError(
                f"{OPTION} {named}: no arms are the same but for these, with and without each of them",
                hint="a combination is compared with its parts, which the study must have too",
            )
        compared.append(combination)
    if best is not None:
        levels = {factor.name: factor.of[best] for factor in design.factors if factor.of[best] != factor.levels[0]}
        of_best = None if levels in preplanned else _compared(bootstrap, design, levels, preplanned=False)
        compared += [] if of_best is None else [of_best]
    return tuple(compared)


def _compared(
    bootstrap: PairedBootstrap, design: Design, levels: Mapping[str, str], *, preplanned: bool
) -> Combination | None:
    """Compare one; None for less than two levels, too many, or no context where all parts are there."""
    chosen = [factor for factor in design.factors if factor.name in levels]
    rest = [factor for factor in design.factors if factor.name not in levels]
    if not 2 <= len(chosen) <= _MOST_LEVELS:
        return None
    parts = [part for size in range(len(chosen), -1, -1) for part in combinations(chosen, size)]
    contexts = _contexts(
        design,
        rest,
        [
            {factor.name: levels[factor.name] if factor in part else factor.levels[0] for factor in chosen}
            for part in parts
        ],
    )
    if not contexts:
        return None
    means = [Contrast.mean(arms) for arms in zip(*contexts.values(), strict=True)]
    whole, none = means[0], means[-1]
    alone = [mean for part, mean in zip(parts, means, strict=True) if len(part) == 1]
    synergy = whole - none
    for mean in alone:
        synergy -= mean
    gains = corrected([bootstrap.difference(whole - mean) for mean in means[1:]])
    only = next(iter(contexts)) if rest and len(contexts) == 1 else ()
    return Combination(
        label=_label(chosen, levels),
        preplanned=preplanned,
        n_contexts=len(contexts),
        at=" + ".join(setting(factor.name, level) for factor, level in zip(rest, only, strict=False)),
        synergy=bootstrap.difference(synergy + none * len(alone)),
        subsets=tuple(
            Subset(label=_label(part, levels), mean=bootstrap.mean(mean), gain=gain)
            for part, mean, gain in zip(parts, means, [{}, *gains], strict=True)
        ),
    )


def _contexts(
    design: Design, rest: Sequence[Factor], parts: Sequence[Mapping[str, str]]
) -> dict[tuple[str, ...], list[str]]:
    """The arm of each part, by the levels of the other factors; only where every part has one: like with like."""
    contexts = {}
    for others in dict.fromkeys(tuple(factor.of[arm] for factor in rest) for arm in design.arms):
        fixed = {factor.name: level for factor, level in zip(rest, others, strict=True)}
        arms = [arm for part in parts if (arm := design.arm({**fixed, **part})) is not None]
        if len(arms) == len(parts):
            contexts[others] = arms
    return contexts


def _label(factors: Sequence[Factor], levels: Mapping[str, str]) -> str:
    return " + ".join(setting(factor.name, levels[factor.name]) for factor in factors) or "none of them"
