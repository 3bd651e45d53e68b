"""What ``raysat ledger verify --json`` prints: what is wrong with the records of a run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from raysat.documents.base import Count, Document, Part


class FindingPart(Part):
    """Something that should not be there as it is."""

    kind: Literal["damaged", "leftover", "orphan"] = Field(
        description="damaged and leftover are of no use; an orphan is whole, and no error."
    )
    path: str = Field(description="Where.")
    what: str = Field(description="In a line.")


class VerifyDocument(Document):
    """A look over a run's records."""

    folder: str = Field(description="Of the run.")
    ok: bool = Field(description="Nothing is damaged or left over; exit code 0.")
    whole: Count = Field(description="Records.")
    findings: tuple[FindingPart, ...] = Field(description="What is not as it should be.")
