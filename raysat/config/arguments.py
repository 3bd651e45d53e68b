"""Checks what a public function is given against its annotations: a slip is one error that names the parameter."""

from __future__ import annotations

import inspect
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from typing import Annotated, Any, Final, Literal, ParamSpec, TypeVar

from annotated_types import Ge, Le

from raysat.config import limits
from raysat.errors import UsageError
from raysat.files import ObjectPath
from raysat.formatting import echo

_P = ParamSpec("_P")
_R = TypeVar("_R")
_NAMES: Final[Mapping[object, str]] = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    ObjectPath: "a path",
    type(None): "None",
    Mapping: "a mapping",
    Callable: "a function",
}
Workers = Annotated[int, Ge(1), Le(limits.WORKERS)]
GrownSeeds = Annotated[int, Ge(1), Le(limits.SEEDS)]  # of a study that adds seeds, at most
Seed = Annotated[int, Ge(0), Le(2**32 - 1)]
Port = Annotated[int, Ge(1), Le(limits.PORT)]
_LONGEST_NUMBER: Final = 20  # digits that a hint repeats
_LONGEST_NAME: Final = 255  # bytes of a file's name, on the usual file systems


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make a function refuse arguments that are not what its annotations say; numpy's numbers become Python's."""

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        kinds, given = _kinds(function), inspect.signature(function).bind(*args, **kwargs)
        given.arguments |= {
            name: _check(name, value, kinds[name]) for name, value in given.arguments.items() if name in kinds
        }
        return function(*given.args, **given.kwargs)

    return call


def check_fields(instance: object) -> None:
    """Check the fields of a frozen dataclass in the same way; call it from ``__post_init__``."""
    cls: Any = type(instance)
    for name, kinds in _kinds(cls).items():
        object.__setattr__(instance, name, _check(name, getattr(instance, name), kinds))


@cache
def _kinds(annotated: Any) -> dict[str, tuple[Any, ...]]:
    """The types that each parameter or field may have.

    What a function returns is not looked up: its module may have that for type checkers alone.
    """
    if isinstance(annotated, type):
        hints = typing.get_type_hints(annotated, include_extras=True)
    else:
        given = {name: hint for name, hint in annotated.__annotations__.items() if name != "return"}
        names = inspect.unwrap(annotated).__globals__
        hints = typing.get_type_hints(types.SimpleNamespace(__annotations__=given), names, include_extras=True)
    return {name: _members(hint) for name, hint in hints.items()}


def _members(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _check(name: str, value: Any, kinds: tuple[Any, ...]) -> Any:
    """The value as one of these types. Raises UsageError."""
    found = _convert(value, kinds)
    if found is ...:
        raise UsageError(f"{name} must be {_any_of(kinds)}, got {echo(value)}", hint=_hint(value, kinds))
    if Path in kinds and isinstance(found, str | Path) and (wrong := _why_no_path(str(found))):
        raise UsageError(
            f"{name} {echo(str(found))} cannot be a path: {wrong}", hint="give the path of a file or folder"
        )
    return found


def _convert(value: Any, kinds: tuple[Any, ...]) -> Any:
    """The value as the first of these types that it is of; an ellipsis where it is of none."""
    return next((found for kind in kinds if (found := _as(value, kind)) is not ...), ...)


def _as(value: Any, kind: Any) -> Any:
    origin = typing.get_origin(kind) or kind
    if origin is Any:
        return value
    if origin is Annotated:
        found = _as(value, kind.__origin__)
        return found if found is not ... and all(_is_within(found, bound) for bound in kind.__metadata__) else ...
    if origin is Literal:
        return value if value in typing.get_args(kind) else ...
    if origin in (int, float):
        number = Integral if origin is int else Real
        return origin(value) if isinstance(value, number) and not isinstance(value, bool) else ...
    if origin is Sequence:
        value = value.tolist() if hasattr(value, "tolist") else value  # of numpy or pandas
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            return ...
        items = [_convert(item, _members(typing.get_args(kind)[0])) for item in value]
        return ... if ... in items else items
    return value if isinstance(value, origin) else ...


def _is_within(number: Any, bound: Ge | Le) -> bool:
    match bound:
        case Ge(ge):
            return bool(number >= ge)
        case Le(le):
            return bool(number <= le)


def _any_of(kinds: tuple[Any, ...]) -> str:
    return " or ".join(dict.fromkeys(map(_describe, kinds)))


def _describe(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if origin is Annotated:
        low, high = (f"{astuple(bound)[0]:,}" for bound in kind.__metadata__)
        return f"{_describe(kind.__origin__)} from {low} to {high}"
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin is Sequence:
        return f"a list of {_any_of(_members(arguments[0]))}"
    return _NAMES.get(origin, f"a {getattr(origin, '__name__', origin)}")


def _hint(value: object, kinds: tuple[Any, ...]) -> str:
    """What to do about a value that is none of these types."""
    numbers = [
        kind for kind in kinds if (kind.__origin__ if typing.get_origin(kind) is Annotated else kind) in (int, float)
    ]
    if numbers and isinstance(value, str):
        return (
            f"write it without quotes: {value}"
            if value.isdecimal() and len(value) < _LONGEST_NUMBER
            else "give a number"
        )
    if numbers and isinstance(value, Real) and not isinstance(value, bool):
        return "give a number within these bounds" if numbers[0] not in (int, float) else "give a whole number"
    return f"what was given is {_NAMES.get(type(value)) or f'a {type(value).__name__}'}"


def _why_no_path(text: str) -> str:
    """What keeps a text from being a path at all, or nothing."""
    if not text:
        return "it is empty"
    try:
        longest = max(map(len, os.fsencode(text).split(os.fsencode(os.sep))))
    except UnicodeError:
        return "it has characters that no file name can have"
    if "\0" in text:
        return "it has a zero byte"
    return f"a name in it has more than {_LONGEST_NAME} bytes" if longest > _LONGEST_NAME else ""
