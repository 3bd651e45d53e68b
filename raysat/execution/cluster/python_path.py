"""Where processes that start elsewhere find their modules: never in what happens to be the current directory."""

from __future__ import annotations

import os
from pathlib import Path

import raysat


def python_path() -> str | None:
    """The user's PYTHONPATH for processes that start elsewhere.

    An empty entry, as in ``PYTHONPATH=$PYTHONPATH:/lib``, would mean the current directory; few who write it know.
    """
    entries = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return os.pathsep.join(str(Path(entry).absolute()) for entry in entries) or None


def worker_path() -> list[str]:
    """What workers need in their path beside their own: the current directory if raysat itself lies there."""
    home = Path(raysat.__file__).resolve().parent.parent
    return [str(home)] if home.samefile(".") else []


def raysat_path() -> str:
    """PYTHONPATH for a process of raysat's own."""
    return os.pathsep.join(filter(None, [*worker_path(), python_path()]))
