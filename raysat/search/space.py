"""The axes of a search: what may vary, over which values, and when.

    optim.lr: {log_uniform: [1.0e-4, 1.0e-2]}     a number, its logarithm as likely everywhere
    optim.weight_decay: {uniform: [0.0, 0.1]}     a number
    optim.batch_size: {int: [16, 64]}             a whole number, both ends included
    loss: {choice: [{kind: ldam}, {kind: focal}]} one of some values: of a key, or of a whole section

An axis of a key that only some kinds of its section have is conditional: it is drawn where the drawn kind has the key.
One that no kind has is refused, as is whatever would silently do nothing.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

from raysat.config.diff import label
from raysat.config.families.base import Spec
from raysat.config.merge import override
from raysat.config.schema import Config, variants
from raysat.config.yaml_source import YamlValue
from raysat.errors import suggest
from raysat.formatting import echo

Drawn = float | int  # a number, or the position of a choice
_DIGITS: Final = 4  # significant digits of a drawn number: enough for any setting, and people can read and repeat it
_LARGEST: Final = sys.float_info.max
_NAMES: Final = ("uniform", "log_uniform", "int", "choice")
_FIXED: Final = {
    "synthetic": (
        "generators would have to be trained first",
        "search without, then add it to the study that is written",
    ),
    "optim.epochs": ("candidates are compared at equal epochs", "set it in base, or with {--epochs}"),
}


class Uniform(Spec):
    """Any number from ``low`` to ``high``; with ``log``, its logarithm is what is uniform."""

    low: float
    high: float
    log: bool = False


class Whole(Spec):
    """Any whole number from ``low`` to ``high``, both included."""

    low: int
    high: int


class Choice(Spec):
    """One of some values."""

    values: tuple[Any, ...]


Distribution = Uniform | Whole | Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One axis. ``when``: the positions of its section's own axis under which it is drawn; None for always."""

    path: tuple[str, ...]  # of a section or of a key in it
    distribution: Distribution
    tree: YamlValue  # the distribution as written
    when: frozenset[int] | None = None

    @property
    def name(self) -> str:
        """Its key as people write it: ``optim.lr``."""
        return ".".join(self.path)

    @property
    def section(self) -> str:
        """The section that it varies."""
        return self.path[0]

    @property
    def switches(self) -> bool:
        """Whether it can change which keys its section has."""
        return len(self.path) == 1 or self.path[1] == "kind"

    def value(self, drawn: Drawn) -> Any:
        """What a drawn value sets: a number is rounded to four significant digits, within its bounds."""
        match self.distribution:
            case Choice(values=values):
                return values[int(drawn)]
            case Whole():
                return int(drawn)
            case Uniform(low=low, high=high):
                return min(max(float(f"{drawn:.{_DIGITS}g}"), low), high)
            case _:
                assert_never(self.distribution)

    def setting(self, drawn: Drawn) -> YamlValue:
        """A tree with the drawn value alone."""
        return _tree(YamlValue(self.value(drawn), {}, self.tree.location()), self.path)

    def drawn(self, value: Any) -> Drawn | None:
        """What would have to be drawn for a value; None where it lies outside."""
        match self.distribution:
            case Choice(values=values):
                return next((position for position, each in enumerate(values) if _same(each, value)), None)
            case Whole(low=low, high=high) | Uniform(low=low, high=high):
                return value if isinstance(value, int | float) and low <= value <= high else None
            case _:
                assert_never(self.distribution)

    def ends(self) -> tuple[Drawn, ...]:
        """What is drawn at the corners: both ends of a range, every choice."""
        match self.distribution:
            case Choice(values=values):
                return tuple(range(len(values)))
            case Whole(low=low, high=high) | Uniform(low=low, high=high):
                return (low, high)
            case _:
                assert_never(self.distribution)

    def label(self, drawn: Drawn) -> str:
        """How a drawn value reads: ``ldam``, ``0.001``."""
        return label(self.value(drawn))


def read_axes(search: YamlValue, base: YamlValue, settings: YamlValue) -> tuple[Axis, ...]:
    """Read the axes; those that switch kinds come first.

    Args:
        search: the ``search`` mapping, its dotted keys written out.
        base: the base configuration with the settings over it.
        settings: what the command line sets in every candidate.

    Raises:
        StudyError: an axis that is malformed, unknown, set twice, or can never apply.
    """
    axes = [Axis(path=path, distribution=_distribution(tree, path), tree=tree) for path, tree in _leaves(search)]
    for axis, other in itertools.combinations([axis for axis in axes if axis.switches], 2):
        if axis.section == other.section:
            raise other.tree.error(f"{other.name} varies the same as {axis.name}", hint="leave it to one of them")
    axes = [axis for axis in axes if not _pinned(axis, settings)]
    switches = {axis.section: axis for axis in axes if axis.switches}
    rest = (axis for axis in axes if not axis.switches)
    return (*switches.values(), *(_conditional(axis, switches.get(axis.section), base, settings) for axis in rest))


def applies(axis: Axis, drawn: Mapping[str, Drawn], axes: tuple[Axis, ...]) -> bool:
    """Whether an axis is drawn, given what the axes before it drew."""
    if axis.when is None:
        return True
    return any(drawn[other.name] in axis.when for other in axes if other.switches and other.section == axis.section)


def _leaves(search: YamlValue) -> Iterator[tuple[tuple[str, ...], YamlValue]]:
    """Yield path and distribution of each axis; a section can have one of its own and others for its keys."""
    for section, inside in search.value.items():
        tree = search.child(section)
        if section not in Config.model_fields:
            raise tree.error(f"unknown key {section!r}", hint=suggest(section, Config.model_fields))
        own = {key for key in inside if key in _NAMES} if isinstance(inside, dict) else set()
        if not isinstance(inside, dict) or not inside or own == set(inside):
            yield (section,), tree
            continue
        if own:
            locations = {path: place for path, place in tree.locations.items() if set(path[:1]) <= own}
            yield (section,), YamlValue({key: inside[key] for key in own}, locations, tree.location())
        for key in inside:
            if key not in own:
                yield (section, key), tree.child(key)


def _distribution(tree: YamlValue, path: tuple[str, ...]) -> Distribution:
    name, value = ".".join(path), tree.value
    fixed = _FIXED.get(name) or _FIXED.get(path[0])
    if fixed:
        raise tree.error(f"{name} cannot be searched: {fixed[0]}", hint=fixed[1])
    if not isinstance(value, dict) or len(value) != 1:
        hint = f"write {name}: {{choice: {json.dumps(value, default=str)}}}" if isinstance(value, list) else None
        raise tree.error(f"{name} needs one of {', '.join(_NAMES)}, got {echo(value)}", hint=hint)
    kind, given = next(iter(value.items()))
    if kind not in _NAMES:
        raise tree.error(f"{name}: unknown distribution {kind!r}", kind, hint=suggest(kind, _NAMES))
    if kind == "choice":
        return _choice(tree, path, given)
    if len(path) == 1:
        raise tree.error(f"{name} is a section, which takes a choice alone", hint=f"name a key of it: {name}.…")
    low, high = _bounds(tree, name, kind, given)
    return Whole(low=int(low), high=int(high)) if kind == "int" else Uniform(low=low, high=high, log=kind != "uniform")


def _bounds(tree: YamlValue, name: str, kind: str, given: Any) -> tuple[float, float]:
    types, what = ((int,), "whole numbers") if kind == "int" else ((int, float), "numbers")
    if not isinstance(given, list) or len(given) != 2 or any(type(bound) not in types for bound in given):
        raise tree.error(f"{name}: {kind} needs two {what}, lowest and highest, got {echo(given)}", kind)
    low, high = given
    if not -_LARGEST <= low < high <= _LARGEST:
        raise tree.error(f"{name}: {kind} needs a lowest below a highest number, got {echo(given)}", kind)
    if kind == "log_uniform" and low <= 0:
        message = f"{name}: log_uniform needs numbers above 0, got {echo(low)}"
        raise tree.error(message, kind, hint="use uniform, or begin above 0")
    return float(low), float(high)


def _choice(tree: YamlValue, path: tuple[str, ...], given: Any) -> Choice:
    name = ".".join(path)
    if not isinstance(given, list) or len(given) < 2:
        raise tree.error(f"{name}: choice needs a list of two values or more, got {echo(given)}", "choice")
    seen: set[str] = set()
    for position, value in enumerate(given):
        if (text := _json(value)) in seen:
            raise tree.error(f"{name}: choice has {label(value)} twice", "choice", position)
        seen.add(text)
        for key in value if len(path) == 1 and isinstance(value, dict) else ():
            if fixed := _FIXED.get(f"{name}.{key}"):
                message = f"{name}.{key} cannot be searched, nor set by a choice: {fixed[0]}"
                raise tree.error(message, "choice", position, key, hint=fixed[1])
        if len(path) == 1 and not isinstance(value, dict):
            key = "kind" if "kind" in next(iter(variants(name).values())).model_fields else "…"
            message = f"{name} is a section: its choices are mappings, got {echo(value)}"
            hint = f"write {{{key}: {value}}}, or name a key of the section: {name}.{key}"
            raise tree.error(message, "choice", position, hint=hint)
    return Choice(values=tuple(given))


def _pinned(axis: Axis, settings: YamlValue) -> bool:
    """Whether the command line sets what an axis would vary: it then has nothing left to say."""
    inside = settings.value.get(axis.section, {})
    if not isinstance(inside, dict):
        return False
    if not axis.switches:
        return axis.path[1] in inside
    return "kind" in inside or all(set(value) <= set(inside) for value in _mappings(axis))


def _conditional(axis: Axis, switch: Axis | None, base: YamlValue, settings: YamlValue) -> Axis:
    """Find when an axis applies: whether its section has the key, under each choice of the section's own axis."""
    section, key = axis.path
    options = range(len(switch.ends())) if switch else range(1)
    trees = [override(override(base, switch.setting(n)), settings) if switch else base for n in options]
    family = variants(section)
    kinds = [str(tree.value.get(section, {}).get("kind", "")) for tree in trees]
    has = [kind not in family or key in family[kind].model_fields for kind in kinds]
    if not any(has):
        elsewhere = [kind for kind, member in family.items() if key in member.model_fields]
        if elsewhere:
            seen = " or ".join(dict.fromkeys(kinds))
            hint = f"{', '.join(elsewhere)} has it: choose it in base or in the search, or leave the axis out"
            raise axis.tree.error(f"{axis.name} never applies: {section} is {seen} here, which has no {key}", hint=hint)
        known = sorted({name for member in family.values() for name in member.model_fields})
        raise axis.tree.error(f"unknown key {axis.name!r}", hint=suggest(key, known))
    if switch and any(key in value for value in _mappings(switch)):
        message = f"{axis.name} is searched, and a choice of {switch.name} sets it too"
        raise axis.tree.error(message, hint="leave it to one of them")
    when = None if all(has) else frozenset(n for n, yes in zip(options, has, strict=True) if yes)
    return Axis(path=axis.path, distribution=axis.distribution, tree=axis.tree, when=when)


def _mappings(switch: Axis) -> list[dict[str, Any]]:
    return [switch.setting(n).value[switch.section] for n in switch.ends()]


def _tree(value: YamlValue, path: tuple[str, ...]) -> YamlValue:
    tree = value.nested_under(*path)
    return tree.expand() if isinstance(value.value, dict) else tree


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1 is not true, and 1.0 is not 1."""
    return _json(one) == _json(other)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
