"""What importers share: patches are checked, cleaned and counted on their way into a store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.data.pixels import missing_mask, storable
from raysat.data.splits import stratified
from raysat.data.store import PatchStore, Split, StoreWriter
from raysat.errors import DataError

Progress = Callable[[int, int], None]  # called with (done, total)


def silent(_done: int, _total: int) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
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


class Intake:
    """Feeds a writer: refuses patches unlike the first, finds nodata, drops empty patches, counts all of it."""

    def __init__(self, writer: StoreWriter, *, origin: str, unit: str, drop_zero: bool) -> None:
        self._writer, self._origin, self._unit, self._drop_zero = writer, origin, unit, drop_zero
        self._started = time.perf_counter()
        self._read: Counter[int] = Counter()
        self._dropped: Counter[str] = Counter()
        self._touched = 0  # patches with nodata
        self._like: tuple[tuple[int, ...], str] | None = None
        self._split_given = False

    def add(
        self,
        pixels: npt.NDArray[Any],
        label: int,
        split: Split | None,
        missing: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Take one patch (C, H, W); ``missing`` (C, H, W) marks nodata beside NaN and infinite values.

        A split must be given for every patch or for none. Raises DataError where the patch cannot be stored.
        """
        this = (pixels.shape, pixels.dtype.name)
        self._like = self._like or this
        if this != self._like:
            raise DataError(
                f"it is {_described(*this)}, the ones before it are {_described(*self._like)}",
                hint="a store holds patches of one size and type",
            )
        self._read[label] += 1
        missing = missing_mask(pixels, missing)
        if missing is not None and missing.all():
            self._dropped["every pixel is nodata"] += 1
            return
        if missing is not None:  # a nodata value need not fit the store's type
            pixels = np.where(missing, pixels.dtype.type(0), pixels)
        if self._drop_zero and not pixels.any():
            self._dropped["every pixel is zero (--keep-empty keeps them)"] += 1
            return
        self._writer.add(storable(pixels), label, split or "train", missing)
        self._split_given = split is not None
        self._touched += missing is not None

    def finish(self, notes: Iterable[str] = ()) -> Summary:
        """Close the store, with a fixed stratified split where none was given."""
        writer, notes = self._writer, list(notes)
        writer.source |= {self._unit: self._read.total(), "dropped": dict(self._dropped)}
        store = writer.close(None if self._split_given or not len(writer) else stratified(writer.labels))
        if not self._split_given:
            notes.append("no split is given: a fixed stratified 70/15/15 split was made")
        if self._touched:
            notes.append(_nodata_note(store, self._touched))
        if self._like and self._like[1] != store.images.dtype.name:
            notes.append(f"{self._like[1]} is stored as {store.images.dtype.name}")
        return Summary(
            store=store,
            origin=self._origin,
            unit=self._unit,
            read_counts=tuple(self._read[label] for label in range(len(store.classes))),
            dropped=dict(self._dropped),
            notes=tuple(notes),
            seconds=time.perf_counter() - self._started,
        )


def sort_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Order class names: as numbers where all are numbers, else as text."""
    names = set(labels)
    if all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def _described(shape: tuple[int, ...], dtype: str) -> str:
    bands, height, width = shape
    return f"{height} x {width} px, {bands} band{'s' * (bands != 1)}, {dtype}"


def _nodata_note(store: PatchStore, patches: int) -> str:
    pixels = [f"{name} {count:,}" for name, count in zip(store.bands, store.nodata or (), strict=True) if count]
    where = f"{patches:,} patch{'' if patches == 1 else 'es'}"
    return f"nodata pixels in {where} ({', '.join(pixels)}): not in the statistics, stored as their band's mean"
