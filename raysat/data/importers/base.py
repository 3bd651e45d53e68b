"""What importers share: patches are checked, cleaned and counted on their way into a store."""

from __future__ import annotations

import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.data.importers.copies import Copies
from raysat.data.pixels import missing_mask, storable
from raysat.data.splits import SPLITS, Split, stratified
from raysat.data.store import PatchStore, StoreWriter
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
    """Feeds a writer: refuses patches unlike the first, drops empty ones, splits them, finds copies, counts it all."""

    def __init__(
        self,
        writer: StoreWriter,
        *,
        origin: str,
        unit: str,
        splits: Iterable[Split | None],
        named: Callable[[int], str],
        drop_zero: bool,
        allow_duplicates: bool,
    ) -> None:
        """Prepare for the patches of one source.

        Args:
            writer: takes the patches.
            origin: the source, for the summary.
            unit: what is read: records, rows, files.
            splits: the splits that the source names. Where these are none, or train alone, there is nothing to report
                on: a stratified split is made.
            named: returns where a patch was read, by its number from 0, for errors.
            drop_zero: drop patches that are zero everywhere.
            allow_duplicates: accept the same pixels in two splits.
        """
        self._writer, self._origin, self._unit, self._named = writer, origin, unit, named
        self._drop_zero, self._allow_duplicates = drop_zero, allow_duplicates
        self._given = {split for split in splits if split is not None}
        self._started = time.perf_counter()
        self._read: Counter[int] = Counter()
        self._dropped: Counter[str] = Counter()
        self._touched = 0  # patches with nodata
        self._like: tuple[tuple[int, ...], str] | None = None
        self._copies = Copies()
        self._kept = array("q")  # numbers, as read, of the patches in the store

    def add(
        self,
        pixels: npt.NDArray[Any],
        label: int,
        split: Split | None,
        missing: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Take the next patch.

        Args:
            pixels: its pixels, (C, H, W).
            label: its class.
            split: the split that the source gives it, or None.
            missing: where it is nodata, (C, H, W), beside NaN and infinite values.

        Raises:
            DataError: the patch cannot be stored.
        """
        this = (pixels.shape, pixels.dtype.name)
        self._like = self._like or this
        if this != self._like:
            raise DataError(
                f"it is {_described(*this)}, the ones before it are {_described(*self._like)}",
                hint="a store holds patches of one size and type",
            )
        number = self.read
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
        stored = storable(pixels)
        self._writer.add(stored, label, split or "train", missing)
        self._copies.add(stored, missing)
        self._kept.append(number)
        self._touched += missing is not None

    @property
    def read(self) -> int:
        """How many patches were taken so far, dropped ones too."""
        return self._read.total()

    def finish(self, notes: Iterable[str] = ()) -> Summary:
        """Close the store, with a fixed stratified split where none is given.

        Raises DataError where two splits hold the same pixels, unless that is allowed, and where the store cannot be
        closed.
        """
        writer, notes = self._writer, list(notes)
        firsts = self._copies.firsts()
        splits = None
        if self._given <= {"train"}:
            found = "every patch is in train" if self._given else "no split is given"
            notes.append(f"{found}: a fixed stratified 70/15/15 split was made")
            splits = stratified(writer.labels, firsts=firsts)
        copies = np.flatnonzero(firsts != np.arange(len(firsts)))
        crossing = copies[writer.splits[copies] != writer.splits[firsts[copies]]] if splits is None else copies[:0]
        if len(crossing) and not self._allow_duplicates:
            raise self._leak(int(firsts[crossing[0]]), int(crossing[0]), len(crossing))
        if len(copies):
            where = "in the same split" if splits else f"{len(crossing):,} of them in another split"
            notes.append(f"pixel-identical copies of earlier patches: {len(copies):,}, {where}")
        writer.source |= {
            self._unit: self.read,
            "dropped": dict(self._dropped),
            "copies": len(copies),
            "copies_across_splits": len(crossing),
        }
        store = writer.close(splits)
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

    def _leak(self, first: int, copy: int, count: int) -> DataError:
        """The error of a patch whose pixels stand in two splits."""
        codes = self._writer.splits
        one, other = (f"{self._named(self._kept[at])} ({SPLITS[codes[at]]})" for at in (first, copy))
        more = f"; {count:,} copies in all lie in another split than the first of their kind" if count > 1 else ""
        return DataError(
            f"{one} and {other} hold the same pixels, in two splits{more}",
            hint="remove one of them, as a model must not be measured on what it has seen, or use {--allow-duplicates}",
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
