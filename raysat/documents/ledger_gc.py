"""What ``raysat ledger gc --json`` prints: what of a run or a cache is of no use."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Document, Part


class KindPart(Part):
    """What is of no use for one reason."""

    what: str = Field(description="The reason.")
    number: Count = Field(description="How many.")
    bytes: Count = Field(description="That are free without it.")


class GarbageDocument(Document):
    """What is of no use, and whether it is gone."""

    folder: str = Field(description="Of the run or cache.")
    deleted: bool = Field(description="It was deleted, with --delete.")
    bytes: Count = Field(description="Of it all.")
    kinds: tuple[KindPart, ...] = Field(description="By reason.")
    kept_orphans: KindPart | None = Field(description="Whole records that nothing asks for, without --orphans.")
