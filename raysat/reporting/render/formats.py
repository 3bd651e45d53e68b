"""The formats that a report is written in, known without importing what writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from raysat.errors import UsageError, suggest

FORMATS: Final = ("md", "csv", "parquet", "json", "tex", "html")


def check_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Return known formats, each once, in the order of ``FORMATS``. Raises UsageError for others."""
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}", hint=suggest(name, FORMATS))
    return tuple(name for name in FORMATS if name in formats)
