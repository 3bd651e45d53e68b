"""Shows what a public data set is, whose it is, and where it came to lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rich.text import Text

from raysat.formatting import data_size
from raysat.views.store import show_import

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from raysat.data.download.catalog import DataSet
    from raysat.data.importers.base import ImportSummary


class Fetched(Protocol):
    """A download, as far as it is shown."""

    @property
    def data_set(self) -> DataSet:
        """What was downloaded."""

    @property
    def folder(self) -> Path:
        """Where it lies."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of its files."""

    @property
    def command(self) -> str | None:
        """What makes a store of it."""

    @property
    def imported(self) -> ImportSummary | None:
        """The store that was made of it."""


def show_data_set(data_set: DataSet, console: Console) -> None:
    """Print title, size, licence and how to cite it."""
    facts = {
        "data set": data_set.title,
        "page": data_set.homepage,
        "download": f"{data_size(data_set.size)}, {', '.join(file.name for file in data_set.files)}",
        "licence": data_set.licence,
        "cite": data_set.citation,
    }
    for name, fact in facts.items():
        console.print(Text.assemble((f"{name:<10}", "dim"), fact))


def show_download(done: Fetched, console: Console) -> None:
    """Print where it lies, what of it could not be checked, and what comes next."""
    console.print(f"{done.data_set.name} is in {done.folder}; its licence and citation are in dataset.json there")
    for note in done.notes:
        console.print(Text(note))
    if done.imported is not None:
        show_import(done.imported, console)
    elif done.command is not None:
        console.print(Text(f"next: {done.command}"))
    else:
        console.print(Text(f"next: {done.data_set.otherwise}"))
