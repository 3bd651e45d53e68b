"""Builds plain values from YAML, with the line of each, within limits that hold before anything large is made.

A file from anyone may be read: no tag has a meaning, no object is made, depth is limited, and what aliases stand for
counts each time that it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)
from ruamel.yaml.reader import ReaderError

from raysat.config import limits
from raysat.config.yaml_scalars import MERGE, Scalar, ScalarReader, is_empty, is_merge_key
from raysat.config.yaml_syntax import QUOTE, UNDEFINED, YamlSyntaxError, explain
from raysat.formatting import echo, one_line

Key = tuple[Any, ...]  # from the top: names in mappings, positions in lists
Place = tuple[Key, int]  # where a key stands: its line, 1-based
_VERSION: Final = (1, 2)
# What ruamel.yaml is known to raise on texts that are no YAML, beside its own errors.
_ODD: Final = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def build(text: str) -> tuple[Any, list[Place]]:
    """Return the value of a YAML text and the line of each key and item in it, outer ones first.

    Raises:
        YamlSyntaxError: it is no YAML, has a tag, or is larger than a study may be.
    """
    builder = _Builder(text)
    try:
        return builder.document()
    except MarkedYAMLError as error:
        raise explain(error, text) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = error.character if isinstance(error.character, int) else ord(error.character)
        message = f"not valid YAML: a character that no text has (U+{character:04X})"
        raise YamlSyntaxError(line, message, "take it out, or save the file as UTF-8 text") from None
    except _ODD as error:
        raise YamlSyntaxError(builder.line, f"not valid YAML: {str(error) or type(error).__name__}", QUOTE) from None


@dataclass(frozen=True, slots=True)
class _Part:
    """What an anchor names: a value, and the places in it, from it on."""

    value: Any
    places: tuple[Place, ...]


class _Builder:
    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = iter(YAML(typ="safe", pure=True).parse(text))
        self._scalars = ScalarReader()
        self._places: list[Place] = []
        self._anchors: dict[str, _Part | None] = {}  # None while it is being read
        self._count = 0  # of values, those that aliases bring included
        self.line = 1  # of the last event

    def document(self) -> tuple[Any, list[Place]]:
        event = self._next()
        while isinstance(event, StreamStartEvent):
            event = self._next()
        if isinstance(event, StreamEndEvent):
            return None, []
        if event.version not in (None, _VERSION):
            raise YamlSyntaxError(self.line, "only YAML 1.2 is read", "leave out the line that begins with %YAML")
        value = self._node(self._next(), (), 1)
        self._next()  # the document's end
        if not isinstance(self._next(), StreamEndEvent):
            raise YamlSyntaxError(self.line, "a second document begins here", "a file holds one: leave out ---")
        return value, self._places

    def _next(self) -> Any:
        event = next(self._events)
        self.line = event.start_mark.line + 1
        return event

    def _node(self, event: Any, key: Key, at: int) -> Any:
        """The value that begins with an event, to stand under a key that stands in line ``at``."""
        if isinstance(event, AliasEvent):
            return self._alias(event, key)
        if event.ctag is not None:
            hint = "write the value alone; quote it where it begins with '!'"
            raise YamlSyntaxError(self.line, f"a tag, {_written(event)}, which raysat does not read", hint)
        self._check_depth(len(key))
        self._add(1)
        first = len(self._places)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, MappingStartEvent):
            value: Any = self._mapping(event, key, at)
        elif isinstance(event, SequenceStartEvent):
            value = self._sequence(key)
        else:
            value = self._scalars.read(event)
        if event.anchor is not None:
            places = tuple((path[len(key) :], place) for path, place in self._places[first:])
            self._anchors[event.anchor] = _Part(value, places)
        return value

    def _alias(self, event: Any, key: Key) -> Any:
        name = event.anchor
        if name not in self._anchors:
            raise YamlSyntaxError(self.line, *UNDEFINED)
        if (part := self._anchors[name]) is None:
            raise YamlSyntaxError(self.line, f"{echo(f'*{name}')} stands within what it stands for", "write it out")
        self._check_depth(len(key) + max((len(path) for path, _ in part.places), default=0))
        self._add(1 + len(part.places))
        self._places += [((*key, *path), line) for path, line in part.places]
        return part.value

    def _sequence(self, key: Key) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            path = (*key, len(items))
            self._places.append((path, self.line))
            items.append(self._node(event, path, self.line))
        return items

    def _mapping(self, start: Any, key: Key, at: int) -> dict[Scalar, Any]:
        """The mapping under a key that stands in line ``at``, which is also where all stands that ``<<`` brings in."""
        mapping: dict[Scalar, Any] = {}
        merged: list[_Part] | None = None
        while not isinstance(event := self._next(), MappingEndEvent):
            line = self.line
            if is_merge_key(event):
                if merged is not None:
                    raise YamlSyntaxError(line, "a second '<<' in one mapping", "write one: <<: [*a, *b]")
                merged = self._merged(key)
                continue
            name = self._node(event, (*key, ""), line)
            if isinstance(name, dict | list):
                raise YamlSyntaxError(line, f"a key must be text, got {echo(name)}", "quote a name that has brackets")
            if name in mapping:
                raise YamlSyntaxError(line, f"duplicate key {_quoted(name)}", "name each key once")
            path, value = (*key, name), self._next()
            if start.flow_style and is_empty(value):
                _check_comma(mapping, event, line)
            self._places.append((path, line))
            mapping[name] = self._node(value, path, line)
        for part in merged or []:
            inside: dict[Scalar, list[Place]] = {}
            for path, line in part.places:
                inside.setdefault(path[0], []).append(((*key, *path), line))
            for name in [name for name in part.value if name not in mapping]:
                mapping[name] = part.value[name]
                self._places += [((*key, name), at), *inside[name][1:]]
        return mapping

    def _merged(self, key: Key) -> list[_Part]:
        """What ``<<`` brings: mappings with the places in them, of which earlier ones win."""
        event, line, first, inner = self._next(), self.line, len(self._places), (*key, MERGE)
        value = self._node(event, inner, line)
        places = [(path[len(inner) :], at) for path, at in self._places[first:]]
        del self._places[first:]
        parts = [_Part(value, tuple(places))]
        if isinstance(value, list):
            inside: list[list[Place]] = [[] for _ in value]
            for path, at in places:
                inside[path[0]] += [(path[1:], at)] if path[1:] else []
            parts = [_Part(item, tuple(own)) for item, own in zip(value, inside, strict=True)]
        if not all(isinstance(part.value, dict) for part in parts):
            raise YamlSyntaxError(line, "'<<' takes a mapping or a list of mappings", "such as <<: *name")
        return parts

    def _check_depth(self, depth: int) -> None:
        if depth > limits.DEPTH:
            message = f"nested more than {limits.DEPTH} deep"
            raise YamlSyntaxError(self.line, message, "a study needs five levels at most")

    def _add(self, number: int) -> None:
        """Count values, those that aliases bring included."""
        self._count += number
        if self._count > limits.VALUES:
            message = f"aliases make more than {limits.VALUES:,} values of this file"
            raise YamlSyntaxError(self.line, message, "write out what it needs, or use a grid")


def _written(event: Any) -> str:
    return echo(str(event.ctag).replace("tag:yaml.org,2002:", "!!"))


def _quoted(name: Scalar) -> str:
    return f'"{name}"' if isinstance(name, str) else echo(name)


def _check_comma(mapping: dict[Scalar, Any], event: Any, line: int) -> None:
    """Refuse ``{lr: 0,1}``, which YAML reads as lr 0 and an empty key 1."""
    before, after = next(reversed(mapping.values()), None), getattr(event, "value", "")
    if type(before) is int and after[:1].isdecimal():
        message = f"{before},{one_line(after)} is no number: after the comma another key begins"
        raise YamlSyntaxError(line, message, f"write it with a point: {before}.{one_line(after)}")
