"""What ``raysat data verify --json`` prints: that all of a store was read, and is whole."""

from __future__ import annotations

from pydantic import Field

from raysat.documents.base import Count, Document


class StoreCheckDocument(Document):
    """A store that is whole; one that is not ends the command with an error."""

    path: str = Field(description="Its folder or URL.")
    fingerprint: str = Field(description="Hash of its content.")
    patches: Count = Field(description="Read.")
    bytes: Count = Field(description="Of pixels, read.")
