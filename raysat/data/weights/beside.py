"""What is wrong with what stands beside a file of weights, in the words that a study file's errors have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import ValidationError

from raysat.errors import did_you_mean
from raysat.formatting import echo, one_line

_SIGNS: Final = {"greater_than": (">", "gt"), "less_than": ("<", "lt")}
_TYPES: Final = {
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "model_type": "a mapping of keys in braces",
}


def fault_of(error: ValidationError, known: Iterable[str]) -> tuple[str, str | None]:
    """Say the first thing that is wrong.

    Args:
        error: of the file's model.
        known: its keys.

    Returns:
        What it is, and the key that was probably meant, if there is one.
    """
    fault = error.errors()[0]
    key, kind, given = one_line(".".join(map(str, fault["loc"]))), fault["type"], echo(fault["input"])
    match kind:
        case "json_invalid":
            return f"cannot be read: not valid JSON: {fault['ctx']['error']}", None
        case "extra_forbidden":
            return f"unknown key {key!r}", did_you_mean(key, known)
        case "missing":
            return f"{key} is missing", None
        case "greater_than" | "less_than":
            sign, bound = _SIGNS[kind]
            return f"{key} must be {sign} {fault['ctx'][bound]:g}, got {given}", None
        case "value_error":
            return f"{key}: {fault['ctx']['error']}" if key else str(fault["ctx"]["error"]), None
        case _ if kind in _TYPES:
            return f"{key or 'it'} must be {_TYPES[kind]}, got {given}", None
    return f"{key}: {fault['msg']}, got {given}", None
