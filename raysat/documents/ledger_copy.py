"""What ``raysat ledger copy --json`` prints: what became of a copy."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Document


class CopyDocument(Document):
    """A copy of a run."""

    source: str = Field(description="The folder or URL of the run.")
    path: str = Field(description="The folder or URL of the copy.")
    records: Count = Field(description="Copied now.")
    kept: Count = Field(description="Records that were there.")
    generators: Count = Field(description="Whose patches were copied now.")
    damaged: tuple[str, ...] = Field(description="What was left out, and why; exit code 1 where there is any.")
