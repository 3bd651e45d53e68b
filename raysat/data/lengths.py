"""Lengths on the ground as users write and read them: ``500m``, ``10km``."""

from __future__ import annotations

import re
from typing import Final

from raysat.errors import UsageError
from raysat.formatting import echo

LONGEST: Final = 5_000_000.0  # metres, of a block or a buffer: a continent
FORM: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?(k?m)")  # of a length as text


def length(metres: float) -> str:
    """A length in words: ``10 km``, ``250 m``."""
    return f"{metres:g} m" if metres < 1000 else f"{metres / 1000:,g} km"


def read_length(given: float | str, name: str, least: float = 0.0) -> float:
    """Return a length in metres.

    Args:
        given: metres, or a text such as ``500m`` or ``10km``.
        name: of what it is a length, for errors.
        least: metres that it may have.

    Returns:
        Metres.

    Raises:
        UsageError: a text that is no length, or a length out of bounds.
    """
    metres = given if isinstance(given, int | float) else None
    if metres is None and (found := FORM.fullmatch(str(given))):
        metres = float(found[1]) * (1000 if found[2] == "km" else 1)
    if metres is None or not least <= metres <= LONGEST:
        raise UsageError(
            f"{name} must be a length from {length(least)} to {length(LONGEST)}, got {echo(given)}",
            hint="write a number and its unit, such as 10km or 500m",
        )
    return float(metres)
