"""The values that a parameter may take: what a file says of them, checked.

What a sampler suggests is a number, or the position of a choice: a ``ParamValue``.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any, Final

from raysat.config import limits
from raysat.config.diff import label
from raysat.config.schema import variants
from raysat.config.yaml_source import YamlValue
from raysat.errors import suggest
from raysat.formatting import echo

ParamValue = float | int
DISTRIBUTIONS: Final = {
    "uniform": "A number between the lowest and the highest, both included, all as likely: {uniform: [0.0, 0.1]}.",
    "log_uniform": "As uniform, of the logarithm: for settings whose order of magnitude matters, such as rates: "
    "{log_uniform: [1.0e-4, 1.0e-2]}.",
    "int": "A whole number between the lowest and the highest, both included: {int: [16, 64]}.",
    "choice": "One of two or more values, of a key or of a whole section: {choice: [{kind: ldam}, {kind: focal}]}.",
}
_DIGITS: Final = 4  # significant digits of a suggested number: enough for any setting, and people can repeat it
_EXAMPLES: Final = {"uniform": "[0.0, 0.1]", "log_uniform": "[1.0e-4, 1.0e-2]", "int": "[16, 64]"}
_LARGEST: Final = sys.float_info.max
NOT_SEARCHED: Final = {  # why, and what to do instead
    "synthetic": (
        "generators would have to be trained first",
        "search without, then add it to the study that is written",
    ),
    "optim.epochs": ("candidates are compared at equal epochs", "set it in base, or with {--epochs}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Any number from ``low`` to ``high``, both included."""

    kind: str  # uniform, log_uniform (the logarithm is what is uniform) or int (a whole number)
    low: float
    high: float

    def boundary(self) -> tuple[ParamValue, ...]:
        """Both ends."""
        return (self.low, self.high)

    def find(self, value: Any) -> ParamValue | None:
        """The param that sets ``value``; None where it lies outside."""
        return value if isinstance(value, int | float) and self.low <= value <= self.high else None

    def holds(self, param: ParamValue) -> bool:
        """Whether it is a param of this range."""
        return self.low <= param <= self.high and (self.kind != "int" or param == int(param))

    def value(self, param: ParamValue) -> float:
        """What a param sets: a whole number, or one rounded to four significant digits within the bounds."""
        if self.kind == "int":
            return int(param)
        number = min(max(float(f"{param:.{_DIGITS}g}"), self.low), self.high)
        return 0.0 if self.low <= 0 and abs(number) < limits.SMALLEST else number  # as no setting may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of some values; a param is the position of one."""

    values: tuple[Any, ...]

    def boundary(self) -> tuple[ParamValue, ...]:
        """All of them."""
        return tuple(range(len(self.values)))

    def find(self, value: Any) -> ParamValue | None:
        """The param that sets ``value``, equal as JSON (1 is not true, and 1.0 is not 1); None where none does."""
        return next((n for n, choice in enumerate(self.values) if _json(choice) == _json(value)), None)

    def holds(self, param: ParamValue) -> bool:
        """Whether it is the position of a choice."""
        return isinstance(param, int) and 0 <= param < len(self.values)

    def value(self, param: ParamValue) -> Any:
        """What a param sets."""
        return self.values[int(param)]


Distribution = Range | Choice


def read_distribution(tree: YamlValue, path: tuple[str, ...]) -> Distribution:
    """Read the distribution of the section or the key at ``path``. Raises StudyError, which says how to write it."""
    name, value = ".".join(path), tree.value
    if excluded := NOT_SEARCHED.get(name) or NOT_SEARCHED.get(path[0]):
        raise tree.error(f"{name} cannot be searched: {excluded[0]}", hint=excluded[1])
    if not isinstance(value, dict) or len(value) != 1:
        hint = f"write {name}: {{choice: {json.dumps(value, default=str)}}}" if isinstance(value, list) else None
        raise tree.error(
            f"{name} needs one of {', '.join(DISTRIBUTIONS)}, got {echo(value)}", hint=hint or DISTRIBUTIONS["uniform"]
        )
    kind, given = next(iter(value.items()))
    if kind not in DISTRIBUTIONS:
        raise tree.error(f"{name}: unknown distribution {echo(kind)}", kind, hint=suggest(kind, DISTRIBUTIONS))
    if kind == "choice":
        return _choice(tree, path, given)
    if len(path) == 1:
        raise tree.error(f"{name} is a section, which takes a choice alone", hint=f"name a key of it: {name}.…")
    return _range(tree, name, kind, given)


def _range(tree: YamlValue, name: str, kind: str, given: Any) -> Range:
    hint = f"such as {name}: {{{kind}: {_EXAMPLES[kind]}}}"
    number, what = (int, "whole numbers") if kind == "int" else (float, "numbers")
    if not isinstance(given, list) or len(given) != 2 or any(type(bound) not in (int, number) for bound in given):
        raise tree.error(f"{name}: {kind} needs two {what}, lowest and highest, got {echo(given)}", kind, hint=hint)
    low, high = given
    if not -_LARGEST <= low < high <= _LARGEST:
        raise tree.error(f"{name}: {kind} needs a lowest below a highest number, got {echo(given)}", kind, hint=hint)
    if kind == "log_uniform" and low <= 0:
        message = f"{name}: log_uniform needs numbers above 0, got {echo(low)}"
        raise tree.error(message, kind, hint="use uniform, or begin above 0")
    return Range(kind=kind, low=number(low), high=number(high))


def _choice(tree: YamlValue, path: tuple[str, ...], given: Any) -> Choice:
    name = ".".join(path)
    if not isinstance(given, list) or len(given) < 2:
        hint = "list what it may be; what it always is belongs to base"
        raise tree.error(f"{name}: choice needs a list of two values or more, got {echo(given)}", "choice", hint=hint)
    if len(given) > limits.CHOICES:
        message = f"{name}: choice has {len(given):,} values, more than {limits.CHOICES:,}"
        raise tree.error(message, "choice", hint="give a range in their place: uniform, log_uniform or int")
    seen: set[str] = set()
    for position, value in enumerate(given):
        if (text := _json(value)) in seen:
            raise tree.error(f"{name}: choice has {label(value)} twice", "choice", position, hint="list it once")
        seen.add(text)
        if len(path) == 1:
            _check_section(tree, name, value, position)
    return Choice(values=tuple(given))


def _check_section(tree: YamlValue, section: str, value: Any, position: int) -> None:
    """Refuse a choice of a section that is no mapping, or that sets what is not searched."""
    if not isinstance(value, dict):
        key = "kind" if "kind" in next(iter(variants(section).values())).model_fields else "…"
        message = f"{section} is a section: its choices are mappings, got {echo(value)}"
        hint = f"write {{{key}: {value}}}, or name a key of the section: {section}.{key}"
        raise tree.error(message, "choice", position, hint=hint)
    for key in value:
        if excluded := NOT_SEARCHED.get(f"{section}.{key}"):
            message = f"{section}.{key} cannot be searched, nor set by a choice: {excluded[0]}"
            raise tree.error(message, "choice", position, key, hint=excluded[1])


def _json(value: Any) -> str:
    return json.dumps(_with_text_keys(value), sort_keys=True, default=str)


def _with_text_keys(value: Any) -> Any:
    """The same with every key as text, since others cannot be sorted beside it."""
    if isinstance(value, dict):
        items = ((key if isinstance(key, str) else repr(key), part) for key, part in value.items())
        return {key: _with_text_keys(part) for key, part in items}
    return [_with_text_keys(part) for part in value] if isinstance(value, list) else value
