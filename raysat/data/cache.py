"""Where raysat keeps what it can make again: the demo store, copies of stores on a cluster's nodes."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return ``$RAYSAT_CACHE``, else ``$XDG_CACHE_HOME/raysat``, else ``~/.cache/raysat``."""
    if folder := os.environ.get("RAYSAT_CACHE"):
        return Path(folder)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "raysat"
