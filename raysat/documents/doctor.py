"""What ``raysat doctor --json`` prints: whether machines are fit for a study."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from raysat.documents.base import Count, Document, Part


class CheckPart(Part):
    """One thing that was looked at."""

    name: str = Field(description="What: Python, torch, memory, clock ...")
    level: Literal["ok", "warning", "fault"] = Field(
        description="With a fault nothing runs, or results are lost; with a warning it runs slower, or may fail later."
    )
    found: str = Field(description="In a line, for people.")
    remedy: str | None = Field(description="What to do; null where it is ok.")


class MachinePart(Part):
    """A machine, and all that was looked at there."""

    place: str = Field(description="this machine, or a node's address and name.")
    checks: tuple[CheckPart, ...] = Field(description="In the order in which they are shown.")


class DoctorDocument(Document):
    """What was found on this machine and, of a cluster, on each of its nodes."""

    faults: Count = Field(description="Over all machines; exit code 1 where there is any.")
    warnings: Count = Field(description="Over all machines.")
    machines: tuple[MachinePart, ...] = Field(description="This one first.")
