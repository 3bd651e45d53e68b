"""Small texts that several modules share: times, counts, names that are safe as file names."""

from __future__ import annotations

import re
from typing import Final

from raysat.errors import LedgerError

_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def duration(seconds: float) -> str:
    """Write a time as people say it: ``42 s``, ``3 min``, ``2 h 20 min``, ``4 d 3 h``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def plural(number: int, noun: str) -> str:
    """Write a count with its noun: ``1 trial``, ``1,400 trials``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def safe_name(name: str, what: str) -> str:
    """Return a name that is safe as a file name, or raise LedgerError."""
    if not _SAFE_NAME.fullmatch(name):
        raise LedgerError(
            f"{what} {name!r} cannot name a folder",
            hint="use letters, digits, '.', '_' and '-', starting with a letter or digit",
        )
    return name
