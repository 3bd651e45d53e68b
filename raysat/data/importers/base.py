"""What an importer gives: patches in order and what they are, for ``write.py`` to make a store of.

An importer is one function ``read_...(...) -> PatchSource`` in a file of its own: it finds and checks what there is to
read, and its patches are read as they are asked for. Dropping, splitting and counting are not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.data.groups import Grouping
from raysat.data.places import Place
from raysat.data.splits import Split
from raysat.data.store import PatchStore

Progress = Callable[[int, int], None]  # called with (done, total)


def no_progress(_done: int, _total: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """One patch as it was read."""

    pixels: npt.NDArray[Any]  # (C, H, W)
    label: int
    split: Split | None  # as the source says, if it does
    missing: npt.NDArray[np.bool_] | None = None  # where it is nodata, (C, H, W), beside NaN and infinite values
    place: Place | None = None  # where it lies, if that is known
    group: str | None = None  # what it is called with those that are like it, if that is known
    done: int  # how much of ``PatchSource.total`` is read with it


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchSource:
    """What there is to import; ``patches`` raises DataError, naming the place, for what cannot be read."""

    kind: str
    path: Path
    unit: str  # what is read: records, rows, files
    bands: tuple[str, ...]
    sensor: str | None
    classes: tuple[str, ...]
    ordinal: bool
    splits: frozenset[Split]  # that the source names
    patches: Iterator[Patch]
    total: int  # in the unit of ``Patch.done``
    place: Callable[[int], str]  # where a patch was read, by its number from 0; for errors
    drop_zero: bool  # whether a patch that is zero everywhere is an empty one
    notes: tuple[str, ...] = ()
    facts: Mapping[str, int | str] = field(default_factory=dict)  # more for the store to remember
    keep_splits: bool = False  # they are those of a store, and so they stay, even where all patches are in train
    generated: bool = False  # a model made the patches
    grouping: Grouping | None = None  # of a store, whose patches name their groups by number


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """Outcome of an import. ``read_counts`` counts all that was read, per class; the store holds what was kept."""

    store: PatchStore
    origin: str
    unit: str  # what was read: records, rows, files, patches
    verb: str = "read from"
    read_counts: tuple[int, ...]
    dropped: Mapping[str, int]  # by reason
    notes: tuple[str, ...]
    seconds: float

    @property
    def read(self) -> int:
        """How many were read."""
        return sum(self.read_counts)


def sort_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Order class names: as numbers where all are numbers, else as text."""
    names = set(labels)
    if all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))
