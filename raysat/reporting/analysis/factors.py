"""What arms differ in: their factors (loss, average, optim.lr ...) and the level that each arm has of them.

Read from the configurations of finished trials, so that named rows and grids are treated alike. A section's ``kind`` is
a factor by the section's name; a key that all arms have and that varies is a factor of its own; keys of one kind alone
are part of its level's label: ``triangular(max_lr=0.001)``. Factors that always change together are one: ``loss +
reweight``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from raysat.config.diff import flatten, label, with_model_kinds
from raysat.config.schema import Config
from raysat.reporting.analysis.model import Arm

_DEFAULTS: Final = flatten(Config())
_GRID: Final = 4  # arms of a grid that are a design of their own
_MANY_BANDS: Final = 6  # more are called by their number


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One axis of comparison; the first of its ``levels`` is what the others are compared with.

    That is the one without the method (``none``, ``cross_entropy``, ``constant`` ...: the default of its section) or,
    where no arm has it, that of the study's first arm; the others follow in the study's order.
    """

    name: str
    levels: tuple[str, ...]
    of: Mapping[str, str]  # arm -> level


def setting(factor: str, level: str) -> str:
    """``loss=ldam``, or ``(loss + reweight)=(ldam + drw)`` of factors that always change together."""
    return f"({factor})=({level})" if " + " in factor else f"{factor}={level}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Arms with a finished seed, in the study's order, and their factors."""

    arms: tuple[str, ...]
    factors: tuple[Factor, ...]
    balanced: bool  # every combination of levels is there, once
    grid: bool  # the arms are those of the study's grid; else named rows alone
    short: tuple[str, ...] = ()  # of these arms: those that lack a seed that another has finished
    left_out: tuple[str, ...] = ()  # arms whose few seeds would have cost the others half of theirs

    def arm(self, levels: Mapping[str, str]) -> str | None:
        """The arm that has these levels of these factors, all others being as in any one; None where none has."""
        return next((arm for arm in self.arms if all(f.of[arm] == levels[f.name] for f in self.factors)), None)


def design(arms: Sequence[Arm]) -> Design:
    """Find the factors of a study's grid or, where there is no grid of four arms, of all of its arms.

    Arms without a finished seed take no part. Effects rest on the seeds that all arms share: an arm that would cost
    the others half of theirs is left out. Raises StorageError.
    """
    finished = sorted((arm for arm in arms if arm.n), key=lambda arm: arm.position)
    grid = [arm for arm in finished if arm.in_grid]
    is_grid = len(grid) >= _GRID
    whole = grid if is_grid else finished
    used = _with_seeds(whole)
    every_seed = {seed for arm in used for seed in arm.seeds}
    configs = {arm.name: arm.settings() for arm in used}
    factors = _merged(_factors(configs))
    combinations = set(zip(*(factor.of.values() for factor in factors), strict=True)) if factors else set()
    every = math.prod(len(factor.levels) for factor in factors)
    return Design(
        arms=tuple(configs),
        factors=tuple(factors),
        balanced=bool(factors) and len(combinations) == len(configs) == every,
        grid=is_grid,
        short=tuple(arm.name for arm in used if set(arm.seeds) != every_seed),
        left_out=tuple(arm.name for arm in whole if arm not in used),
    )


def reference_arm(configs: Mapping[str, Mapping[str, Any]], grid: Collection[str]) -> str:
    """The arm that others are compared with unless another is named: the one without any method, else the first.

    Args:
        configs: the configuration of each arm, in the study's order.
        grid: the arms of the study's grid.
    """
    used = {arm: config for arm, config in configs.items() if arm in grid} if len(grid) >= _GRID else dict(configs)
    factors = _merged(_factors(used))
    without = (arm for arm in used if all(factor.of[arm] == factor.levels[0] for factor in factors))
    return next(without, next(iter(configs))) if factors else next(iter(configs))


def _with_seeds(arms: Sequence[Arm]) -> list[Arm]:
    """Leave out the arms with the fewest seeds where that at least doubles the seeds that the others share.

    Short of that a balanced grid with fewer seeds is worth more than one with a hole.
    """
    best = kept = sorted(arms, key=lambda arm: -arm.n)
    while len(kept) > 2:
        kept = kept[:-1]
        if _shared_seeds(kept) >= 2 * max(1, _shared_seeds(best)):
            best = kept
    return [arm for arm in arms if arm in best]


def _shared_seeds(arms: Sequence[Arm]) -> int:
    return len(set.intersection(*(set(arm.seeds) for arm in arms)))


def _factors(configs: Mapping[str, Mapping[str, Any]]) -> list[Factor]:
    settings = with_model_kinds({arm: flatten(config) for arm, config in configs.items()})
    keys = dict.fromkeys(key for flat in settings.values() for key in flat)
    common = {key for key in keys if all(key in flat for flat in settings.values())}
    sections = list(dict.fromkeys(_section(key) for key in (*_DEFAULTS, *keys)))
    levels: dict[str, dict[str, str]] = {}
    for key in sorted(keys, key=lambda key: sections.index(_section(key))):
        if key.endswith(".kind"):
            levels[_section(key)] = {arm: _kind(key, flat, common, settings) for arm, flat in settings.items()}
        elif key == "data.bands" and key in common:
            levels["bands"] = _bands({arm: flat[key] for arm, flat in settings.items()})
        elif key in common:
            levels[key] = {arm: label(flat[key]) for arm, flat in settings.items()}
    factors = (
        Factor(name=name, levels=_levels(of, _DEFAULTS.get(f"{name}.kind")), of=of) for name, of in levels.items()
    )
    return [factor for factor in factors if len(factor.levels) > 1]


def _section(key: str) -> str:
    return key.partition(".")[0]


def _levels(of: Mapping[str, str], default: str | None) -> tuple[str, ...]:
    return tuple(sorted(dict.fromkeys(of.values()), key=lambda level: level != default))


def _kind(key: str, flat: Mapping[str, Any], common: Collection[str], settings: Mapping[str, Mapping[str, Any]]) -> str:
    """An arm's kind of a section, with those of its own settings that vary among the arms of this kind."""
    if key not in flat:
        return "absent"
    section = key.removesuffix("kind")
    same = [other for other in settings.values() if other.get(key) == flat[key]]
    own = [name for name in flat if name.startswith(section) and name not in common]
    varying = [name for name in own if any(other.get(name) != flat[name] for other in same)]
    rest = ", ".join(f"{name.removeprefix(section)}={label(flat[name])}" for name in varying)
    return f"{flat[key]}({rest})" if rest else str(flat[key])


def _bands(of: Mapping[str, Any]) -> dict[str, str]:
    """Name bands by ``-``, or by their number where they are many and no other list has as many."""
    lists = {label(bands): len(bands) for bands in of.values() if isinstance(bands, list)}
    sizes = list(lists.values())
    short = {text: f"{n} bands" for text, n in lists.items() if n > _MANY_BANDS and sizes.count(n) == 1}
    return {arm: short.get(label(bands), label(bands)) for arm, bands in of.items()}


def _merged(factors: Sequence[Factor]) -> list[Factor]:
    """Join factors that split the arms in the same way: no data can tell them apart."""
    groups: dict[tuple[int, ...], list[Factor]] = {}
    for factor in factors:
        met = list(dict.fromkeys(factor.of.values()))
        groups.setdefault(tuple(met.index(level) for level in factor.of.values()), []).append(factor)
    merged = []
    for group in groups.values():
        of = {arm: " + ".join(factor.of[arm] for factor in group) for arm in group[0].of}
        lead = next((f for f in group if f.levels[0] == _DEFAULTS.get(f"{f.name}.kind")), group[0])
        levels = dict.fromkeys(of[arm] for level in lead.levels for arm in of if lead.of[arm] == level)
        merged.append(Factor(name=" + ".join(factor.name for factor in group), levels=tuple(levels), of=of))
    return merged
