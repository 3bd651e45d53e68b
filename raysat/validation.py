"""From a configuration tree to a typed Config, with errors that name file, line, key, value and bound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from raysat.errors import StudyError, did_you_mean
from raysat.located import Key, Located
from raysat.spec import Config, members

_BOUNDS: Final = {
    "greater_than": ("gt", ">"),
    "greater_than_equal": ("ge", ">="),
    "less_than": ("lt", "<"),
    "less_than_equal": ("le", "<="),
}
_TYPES: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
}
# By depth: what stands there may have one of several types, of which the errors of each would name its own alone.
_BANDS: Final = {2: "'all', a composite's name, or a list of bands", 3: "a band's number or name"}


def validate_config(tree: Located, *, arm: str) -> Config:
    """Validate a configuration tree.

    Args:
        tree: nested mappings as read from a study and merged with settings of the command line.
        arm: name of the arm, for the message.

    Raises:
        StudyError: names file and line (or the option), key, value and bound.
    """
    try:
        return Config.model_validate(tree.value)
    except ValidationError as error:
        key, detail = max((_relevant(item, tree.value) for item in error.errors()), key=lambda pair: len(pair[0]))
    message, hint = _explain(key, detail, tree.value)
    raise StudyError(f"{tree.place(key)}: {message} (arm {arm!r})", hint=hint)


def _relevant(detail: ErrorDetails, value: Any) -> tuple[Key, ErrorDetails]:
    """Drop from an error's location what is not a key of the file (the tags of unions)."""
    key: list[str | int] = []
    node = value
    location = detail["loc"]
    for position, part in enumerate(location):
        last = position == len(location) - 1
        inside = (isinstance(node, dict) and part in node) or (isinstance(node, list) and isinstance(part, int))
        if inside:
            key.append(part)
            node = node[part]
        elif last and detail["type"] == "missing":
            key.append(part)
    return tuple(key), detail


def _explain(key: Key, detail: ErrorDetails, value: Any) -> tuple[str, str | None]:
    """Return the message and the hint of one validation error."""
    path, kind, given = ".".join(map(str, key)), detail["type"], detail.get("input")
    context = detail.get("ctx", {})
    if key[:2] == ("data", "bands") and len(key) in _BANDS:
        return f"{path} must be {_BANDS[len(key)]}, got {given!r}", None
    if kind == "extra_forbidden":
        known = sorted(_known_keys(key, value))
        return f"unknown key {path!r}", did_you_mean(str(key[-1]), known) or f"known: {', '.join(known)}"
    if kind in _BOUNDS:
        name, sign = _BOUNDS[kind]
        return f"{path} must be {sign} {context[name]:g}, got {given!r}", None
    if kind == "union_tag_invalid":
        known = [tag.strip(" '") for tag in str(context["expected_tags"]).split(",")]
        return f"{path}.kind must be one of {', '.join(known)}, got {context['tag']!r}", did_you_mean(
            context["tag"], known
        )
    if kind in _TYPES:
        return f"{path} must be {_TYPES[kind]}, got {given!r}", None
    if kind == "value_error":
        return f"{path}: {context['error']}", None
    return f"{path}: {detail['msg']}, got {given!r}", None


def _known_keys(key: Key, value: Any) -> Iterable[str]:
    """The keys that a section does have, or the sections themselves."""
    if len(key) == 1:
        return Config.model_fields
    section = str(key[0])
    return members(section)[value[section].get("kind", "")].model_fields
