"""What a page is made of, whatever format it is then written in: sections of texts, tables and figures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from raysat import __version__
from raysat.reporting.format.table import Table


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    hint: bool = False  # set back


@dataclass(frozen=True, slots=True)
class Subtitle:
    """The title of a part of a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Figure:
    """The place of a drawn figure; nothing where it was not drawn."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image that was made elsewhere."""

    name: str  # safe in file names
    png: bytes
    alt: str
    caption: str


@dataclass(frozen=True, slots=True)
class Code:
    """A text to copy."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks that a page shows when asked."""

    title: str
    blocks: Sequence[Block]


Block: TypeAlias = Text | Subtitle | Bullets | Table | Figure | Picture | Code | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of a page."""

    key: str  # its address in the page
    title: str
    blocks: Sequence[Block]
    essential: bool = False  # printed; the rest is for the screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A page: its title and what it is of, what was found, then sections."""

    title: str
    subtitle: str
    headline: Sequence[str] = ()
    sections: Sequence[Section]
    footer: str = f"Written by raysat {__version__}."

    def with_figures(self, drawn: Collection[str]) -> Document:
        """Leave out figures that were not drawn, empty lists and tables, and sections that have nothing else."""
        kept = [replace(section, blocks=list(_shown(section.blocks, drawn))) for section in self.sections]
        return replace(self, sections=[section for section in kept if section.blocks])

    def pictures(self) -> Iterator[Picture]:
        """Every picture of the page."""
        return (block for section in self.sections for block in section.blocks if isinstance(block, Picture))


def _shown(blocks: Sequence[Block], drawn: Collection[str]) -> Iterator[Block]:
    for block in blocks:
        match block:
            case Fold(title, folded):
                if kept := list(_shown(folded, drawn)):
                    yield Fold(title, kept)
            case Figure(name):
                if name in drawn:
                    yield block
            case Table(rows=content) | Bullets(content):
                if content:
                    yield block
            case _:
                yield block
