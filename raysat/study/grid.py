"""The grid of a study: every combination of its axes that no rule excludes.

    grid       axes, each a key with a list of values: one arm per combination
    zip        groups of axes that move together, each group one more axis of the grid
    exclude    rules, each the keys and values of combinations to leave out

What would silently do nothing is refused: a key that is moved twice, a rule that matches no combination.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from raysat.config import limits
from raysat.config.diff import label
from raysat.config.merge import DEFAULTS, override
from raysat.config.schema import variants
from raysat.config.yaml_source import YamlValue
from raysat.errors import did_you_mean, suggest
from raysat.formatting import echo
from raysat.study.rates import check_rate, schedule_of

_SHOWN: Final = 5  # values that a hint lists


@dataclass(frozen=True, slots=True)
class _Value:
    """One value of an axis: how it reads in an arm's name, and what it sets."""

    label: str
    tree: YamlValue


def count(document: YamlValue) -> int:
    """Count the combinations of a study's axes, before any is excluded. Raises StudyError for more than can be made."""
    axes = [[values] for values in document.mapping("grid").value.values()]
    axes += [list(group.value.values()) for group in document.mappings("zip")]
    number = math.prod(max(len(values) if isinstance(values, list) else 1 for values in axis) for axis in axes)
    if number > limits.CELLS:
        key = "grid" if "grid" in document.value else "zip"
        raise document.error(
            f"{key}: the axes make {number:,} combinations, more than {limits.CELLS:,} before any is excluded",
            key,
            hint="give axes fewer values, or let some move together with zip",
        )
    return number if axes else 0


def combinations(document: YamlValue, base: YamlValue) -> Iterator[tuple[str, YamlValue, YamlValue]]:
    """Yield name, override and merged configuration of each combination of a study's axes that is not excluded.

    Raises:
        StudyError: axes that are empty or move a key twice, rules that say nothing of this grid.
    """
    axes = _axes(document)
    rules = [rule.expand() for rule in document.mappings("exclude")]
    if rules and not axes:
        raise document.error("exclude needs a grid", "exclude", hint="leave out a named arm by deleting it")
    for rule in rules:
        _check_keys(rule)
    arms = [
        (whole.label, whole.tree, reduce(override, (value.tree for value in values), base))
        for values in itertools.product(*axes)
        if values
        for whole in [_joined(values)]
    ]
    effective = [override(DEFAULTS, tree).value for _, _, tree in arms]
    for rule in rules:
        if not any(_matches(tree, rule.value) for tree in effective):
            raise rule.error("exclude matches no combination of the grid", hint=_why_none(rule.value, effective))
    kept = [arm for arm, tree in zip(arms, effective, strict=True) if not any(_matches(tree, r.value) for r in rules)]
    if arms and not kept:
        raise document.error("exclude leaves no arm of the grid", "exclude", hint="leave out fewer combinations")
    for value in itertools.chain(*axes):
        check_rate(value.tree, (schedule_of(tree) for _, _, tree in kept))
    yield from kept


def _axes(document: YamlValue) -> list[list[_Value]]:
    grid = document.mapping("grid")
    groups = document.mappings("zip")
    _check_apart([grid, *groups])
    axes = [_axis(grid, path) for path in grid.value]
    for group in groups:
        together = {path: _axis(group, path) for path in group.value}
        lengths = {path: len(axis) for path, axis in together.items()}
        if len(set(lengths.values())) > 1:
            message = f"axes that move together need as many values each, got {lengths}"
            raise group.error(message, *list(lengths)[:1], hint="give each of them a value for each of the others")
        axes.append([_joined(values) for values in zip(*together.values(), strict=True)])
    return axes


def _check_apart(groups: Sequence[YamlValue]) -> None:
    """Refuse an axis that moves what another one moves: the later would win, in arms that are named after both."""
    seen: list[list[str]] = []
    for group in groups:
        for name in group.value:
            path = str(name).split(".")
            for other in seen:
                shared = min(len(path), len(other))
                if path[:shared] == other[:shared]:
                    first, second = ".".join(other), ".".join(path)
                    clash = "is given twice" if first == second else f"moves the same as axis {first!r}"
                    raise group.error(f"axis {second!r} {clash}", name, hint="move each key by one axis alone")
            seen.append(path)


def _axis(axes: YamlValue, path: str) -> list[_Value]:
    values = axes.value[path]
    if not isinstance(values, list) or not values:
        raise axes.error(f"axis {path!r} needs a list of values", path, hint=_as_axis(path, values))
    short = str(path).rsplit(".", 1)[-1]
    parts = [axes.child(path, position) for position in range(len(values))]
    return [_Value(f"{short}={label(part.value)}", part.nested_under(path).expand()) for part in parts]


def _as_axis(path: str, given: Any) -> str:
    """How to write what stands in an axis's place as a list."""
    if isinstance(given, dict) and given and "kind" not in given:
        return f"write the key with its section: {path}.{next(iter(given))}: [...]"
    one = f"{{kind: {given['kind']}}}" if isinstance(given, dict) and given else label(given) if given else "..."
    return f"write {path}: [{one}, ...]"


def _joined(values: Sequence[_Value]) -> _Value:
    return _Value(", ".join(value.label for value in values), reduce(YamlValue.merge, (value.tree for value in values)))


def _check_keys(rule: YamlValue) -> None:
    """Refuse a rule with a key or a kind that no configuration has."""
    rule.check_keys(list(DEFAULTS.value))
    for section, wanted in rule.value.items():
        family = variants(section)
        known = list(dict.fromkeys(key for member in family.values() for key in member.model_fields))
        if not isinstance(wanted, dict):
            hint = f"write {section}.{'kind' if 'kind' in known else known[0]}: {label(wanted)}"
            raise rule.error(f"{section} must be a mapping, got {echo(wanted)}", section, hint=hint)
        for key, value in wanted.items():
            if key not in known:
                raise rule.error(f"unknown key '{section}.{key}'", section, key, hint=suggest(key, known))
            if key == "kind" and value not in list(family):
                kinds = [kind for kind in family if kind]
                message = f"{section}.kind must be one of {', '.join(kinds)}, got {echo(value)}"
                raise rule.error(message, section, key, hint=did_you_mean(value, kinds))


def _matches(tree: Any, rule: Any) -> bool:
    if isinstance(tree, dict) and isinstance(rule, dict):
        return all(key in tree and _matches(tree[key], value) for key, value in rule.items())
    return bool(tree == rule)


def _why_none(rule: dict[str, Any], trees: Sequence[dict[str, Any]]) -> str:
    """Say which part of a rule fits no combination, and what the grid has there."""
    for section, wanted in rule.items():
        there = [tree[section] for tree in trees if isinstance(tree[section], dict)]
        for key, value in wanted.items():
            if not any(_matches(part, {key: value}) for part in there):
                has = list(dict.fromkeys(label(part[key]) for part in there if key in part))
                some = [*has[:_SHOWN], *(["..."] if len(has) > _SHOWN else [])]
                path = f"{section}.{key}"
                return f"{path} is {' or '.join(some)} there, not {echo(value)}" if has else f"no arm there has {path}"
    return "no combination has all of its values"
