"""Turns what Python code holds into the plain values of a study file: mappings, lists, texts, numbers, true, false."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from raysat.config import limits
from raysat.errors import StudyError
from raysat.formatting import echo, one_line

_BITS: Final = 1_000  # of a whole number: above any setting, below what Python refuses to write out


def plain(value: Any, place: str) -> Any:
    """Copy a value: tuples, ranges and arrays become lists, and numpy's numbers Python's.

    Args:
        value: what was given.
        place: begins the message of an error.

    Raises:
        StudyError: something in it cannot stand in a study file, or it is larger than one may be.
    """
    return _Copier(place).copy(value)


class _Copier:
    """Copies a value, within the limits of a study file."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._room = limits.FILE  # characters

    def copy(self, value: Any, *key: object) -> Any:
        if len(key) > limits.DEPTH:
            raise self._error(key[:2], f"it is nested more than {limits.DEPTH} deep", "it may not hold itself")
        if isinstance(value, Mapping):
            return {self._scalar(name, key): self.copy(part, *key, name) for name, part in value.items()}
        if isinstance(value, list | tuple | range):
            return [self.copy(part, *key, position) for position, part in enumerate(value)]
        if hasattr(value, "tolist") and not isinstance(value, type):  # of numpy or torch
            return self.copy(value.tolist(), *key, "")
        return self._scalar(value, key)

    def _scalar(self, value: object, key: tuple[object, ...]) -> object:
        """A text, number, truth value or None, as Python's own."""
        if value is None or isinstance(value, bool):
            found: object = value
        else:
            found = next((kind(value) for kind in (int, float, str) if isinstance(value, kind)), ...)
        if found is ...:
            what = f"{echo(value)} cannot stand in a study"
            raise self._error(key, what, "use dicts, lists, texts and numbers")
        if isinstance(found, int) and found.bit_length() > _BITS:
            raise self._error(key, f"{echo(found)} is too large", "give a smaller number")
        self._room -= 1 + (len(found) if isinstance(found, str) else 0)
        if self._room < 0:
            raise self._error((), f"it is larger than {limits.FILE:,} characters", "use a grid, or split the study")
        return found

    def _error(self, key: tuple[object, ...], message: str, hint: str) -> StudyError:
        name = one_line(".".join(str(part) for part in key if part != ""))
        return StudyError(f"{self._place}: {f'{name}: ' if name else ''}{message}", hint=hint)
