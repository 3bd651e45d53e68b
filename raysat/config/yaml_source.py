"""YAML values that know where they stand, so that an error can name file and line after any number of merges.

It is YAML 1.2: ``1e-4`` is a number, ``no`` is text, a duplicate key is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from raysat.config import limits
from raysat.config.yaml_syntax import YamlSyntaxError
from raysat.config.yaml_tree import build
from raysat.errors import StudyError, did_you_mean, suggest
from raysat.files import AnyPath, read_text
from raysat.formatting import echo

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlValue:
    """A plain value (dicts, lists, scalars) with the place of each key and item: ``file:line`` or ``--set key``."""

    value: Any
    locations: dict[Key, str] = field(default_factory=dict)
    origin: str = ""

    def location(self, key: Key = ()) -> str:
        """Where a key stands, or the nearest key around it."""
        while key and key not in self.locations:
            key = key[:-1]
        return self.locations.get(key, self.origin)

    def child(self, *key: str | int) -> YamlValue:
        """Return the part of the tree under a key."""
        tree = self
        for part in key:
            tree = tree._parts[part]
        return tree

    @cached_property
    def _parts(self) -> dict[str | int, YamlValue]:
        """The parts under each key, sorted out at once: one by one, a file of many arms would take minutes."""
        inner: dict[str | int, dict[Key, str]] = {}
        for path, place in self.locations.items():
            if path:
                inner.setdefault(path[0], {})[path[1:]] = place
        items = self.value.items() if isinstance(self.value, dict) else enumerate(self.value)
        return {key: YamlValue(value, inner.get(key, {}), self.location((key,))) for key, value in items}

    def nested_under(self, *key: str) -> YamlValue:
        """Return a tree that has this one under a key."""
        value = self.value
        for part in reversed(key):
            value = {part: value}
        locations: dict[Key, str] = {key[:depth]: self.location() for depth in range(1, len(key) + 1)}
        locations |= {(*key, *path): place for path, place in self.locations.items()}
        return YamlValue(value, locations, self.origin)

    def merge(self, over: YamlValue) -> YamlValue:
        """Merge another tree into this one, key by key."""
        return YamlValue(_merge(self.value, over.value), self.locations | over.locations, over.origin or self.origin)

    def expand(self, within: tuple[str, ...] = ()) -> YamlValue:
        """Write dotted keys out as nested mappings. Raises StudyError where two ways of writing set one key.

        Args:
            within: the keys above this tree, for the message.
        """
        result = YamlValue({}, {}, self.origin)
        for key, value in self.value.items():
            path = tuple(str(key).split("."))
            part = self.child(key)
            part = (part.expand((*within, *path)) if isinstance(value, dict) else part).nested_under(*path)
            if twice := _clash(result.value, part.value):
                name = ".".join(map(str, (*within, *twice)))
                raise part.error(f"{name} is given twice", *twice, hint="write it once, dotted or nested")
            result = result.merge(part)
        return result

    def mapping(self, key: str, *, hint: str | None = None) -> YamlValue:
        """Return the mapping under a key; empty where it is absent. Raises StudyError, with the hint, for another."""
        value = self.value.get(key)
        if value is None:
            return YamlValue({}, {}, self.location((key,)))
        if not isinstance(value, dict):
            raise self.error(
                f"{key!r} must be a mapping, got {echo(value)}", key, hint=hint or "indent its keys below it"
            )
        return self.child(key)

    def mappings(self, key: str) -> list[YamlValue]:
        """Return the list of mappings under a key; empty where it is absent. Raises StudyError for another value."""
        values = self.value.get(key, [])
        if not isinstance(values, list) or not all(isinstance(item, dict) and item for item in values):
            raise self.error(f"{key!r} must be a list of mappings", key, hint="begin each of them with '- '")
        return [self.child(key, position) for position in range(len(values))]

    def check_keys(self, known: Sequence[str], *, hint: Callable[[object], str | None] | None = None) -> None:
        """Raise StudyError for a key of this mapping that is none of the known ones; ``hint`` may know what to do."""
        for key in self.value:
            if key not in known:
                advice = did_you_mean(key, known) or (hint(key) if hint is not None else None)
                raise self.error(f"unknown key {echo(key)}", key, hint=advice or suggest(key, known))

    def error(self, message: str, *key: str | int, hint: str | None = None) -> StudyError:
        """Make an error that begins with the place of a key."""
        return StudyError(f"{self.location(key)}: {message}", hint=hint)


def read_yaml(path: AnyPath) -> tuple[YamlValue, str]:
    """Read a YAML file; return its value and its text. Raises StudyError for an unreadable or invalid one."""
    remedy = "count seeds (seeds: 5) in place of a list; make arms that differ by a few keys with a grid"
    text = read_text(path, max_bytes=limits.FILE, remedy=remedy, error=StudyError)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return parse_yaml(text, str(path)), text


def parse_yaml(text: str, file: str) -> YamlValue:
    """Parse YAML text; ``file`` names it in errors. Raises StudyError for invalid YAML."""
    try:
        value, places = build(text)
    except YamlSyntaxError as mistake:
        raise StudyError(f"{file}:{mistake.line}: {mistake.message}", hint=mistake.hint) from None
    return YamlValue(value, {key: f"{file}:{line}" for key, line in places}, f"{file}:1")


def _merge(base: Any, over: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    return base | {key: _merge(base[key], value) if key in base else value for key, value in over.items()}


def _clash(base: Any, over: Any) -> Key | None:
    """The first key that merging would overwrite, or None."""
    for key in over:
        if key in base:
            if not isinstance(base[key], dict) or not isinstance(over[key], dict):
                return (key,)
            if below := _clash(base[key], over[key]):
                return (key, *below)
    return None
