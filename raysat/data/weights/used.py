"""What a network was started from, as records say it."""

from __future__ import annotations

from typing import Self

from raysat.data.weights.about import About
from raysat.files import FileModel
from raysat.files.fields import Line


class WeightsUsed(FileModel):
    """Pretrained weights: which, by content, and on whose terms."""

    file: Line
    sha256: Line
    licence: Line
    name: Line | None = None  # that torchgeo calls them by
    url: Line | None = None
    dataset: Line | None = None  # that they were trained on
    publication: Line | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """What whoever hands on a network that started from them has to say: which, on whose terms, where from."""
        source = self.url or self.publication
        return (self.name or self.file, f"licence: {self.licence}", *([source] if source else []))

    @classmethod
    def of(cls, about: About, *, file: str, sha256: str) -> Self:
        """Say what is known of a file.

        Args:
            about: what is said of it.
            file: its name.
            sha256: of its content.

        Returns:
            What the record has of it.
        """
        own = about.model_dump(include={"licence", "name", "url", "dataset", "publication"})
        return cls(file=file, sha256=sha256, **own)
