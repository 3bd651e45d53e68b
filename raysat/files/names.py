"""Names that are safe as a path, and the folder for what raysat can make again."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from raysat.errors import StorageError

SAFE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def safe_name(name: str, what: str) -> str:
    """Return a name that is safe as a file name, or raise StorageError."""
    if not SAFE_NAME.fullmatch(name):
        raise StorageError(
            f"{what} {name[:100]!r} cannot name a folder",
            hint="use letters, digits, '.', '_' and '-', starting with a letter or digit, at most 100 of them",
        )
    return name


def cache_folder() -> Path:
    """Where raysat keeps what it can make again: ``$RAYSAT_CACHE``, else ``raysat`` in the user's cache folder."""
    if folder := os.environ.get("RAYSAT_CACHE"):
        return Path(folder)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "raysat"
