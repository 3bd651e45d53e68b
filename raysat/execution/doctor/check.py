"""One thing that was looked at on a machine, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """With a ``fault`` nothing runs, or results are lost; with a ``warning`` it runs slower, or may fail later."""

    name: str
    found: str
    level: Level = "ok"
    remedy: str | None = None  # of what is not ok


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine, and all that was looked at there."""

    place: str  # "this machine", or a node's address and name
    checks: tuple[Check, ...]
