"""Arguments are checked by annotation: what fits is passed on, anything else is one error."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from raysat.config.arguments import checked
from raysat.errors import UsageError


class Thing:
    """Stands for a type of raysat's own."""


@checked
def take(
    number: int = 0,
    real: float = 0.0,
    text: str = "",
    flag: bool = False,
    path: Path | str = "",
    names: Sequence[int | str] | None = None,
    level: Literal["trial", "arm"] = "arm",
    call: Callable[[int], None] | None = None,
    thing: Thing | Mapping[str, Any] | None = None,
) -> dict[str, object]:
    """Give back what was given."""
    return locals()


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("number", np.int64(3), 3),
        ("real", np.float32(0.5), 0.5),
        ("real", 2, 2.0),
        ("names", ("a", np.int32(2)), ["a", 2]),
        ("names", pd.Index(["a", "b"]), ["a", "b"]),
        ("names", np.array([1, 2]), [1, 2]),
        ("names", range(2), [0, 1]),
        ("call", print, print),
        ("thing", {"a": 1}, {"a": 1}),
        ("path", Path("a"), Path("a")),
        ("path", "é" * 100, "é" * 100),
        ("level", "trial", "trial"),
    ],
)
def test_what_fits_is_passed_on(name: str, given: object, taken: object) -> None:
    found = take(**{name: given})[name]  # type: ignore[arg-type]
    assert (type(found), found) == (type(taken), taken)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("number", True, "number must be a whole number, got True"),
        ("number", 2.5, "number must be a whole number, got 2.5"),
        ("number", "3", "number must be a whole number, got '3'"),
        ("real", None, "real must be a number, got None"),
        ("text", b"a", "text must be text, got b'a'"),
        ("flag", 1, "flag must be True or False, got 1"),
        ("path", None, "path must be a path or text, got None"),
        ("path", "a\0b", r"path 'a\x00b' cannot be a path: it has a zero byte"),
        ("path", "\ud800", r"path '\ud800' cannot be a path: it has characters that no file name can have"),
        ("path", "x" * 256, "cannot be a path: a name in it has more than 255 bytes"),
        ("path", Path("a", "é" * 128), "cannot be a path: a name in it has more than 255 bytes"),
        ("names", "ab", "names must be a list of a whole number or text or None, got 'ab'"),
        ("names", [None], "names must be a list of a whole number or text or None, got [None]"),
        ("names", {"a"}, "names must be a list of a whole number or text or None, got {'a'}"),
        ("level", "arms", "level must be 'trial' or 'arm', got 'arms'"),
        ("level", [], "level must be 'trial' or 'arm', got []"),
        ("call", "print", "call must be a function or None, got 'print'"),
        ("thing", [], "thing must be a Thing or a mapping or None, got []"),
    ],
)
def test_anything_else_is_one_error(name: str, given: object, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        take(**{name: given})  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_position_counts_as_name() -> None:
    with pytest.raises(UsageError, match=r"^real must be a number, got 'a'\nhint: give a number$"):
        take(1, "a")  # type: ignore[arg-type]
