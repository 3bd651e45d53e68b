"""Makes a store of an importer's patches: they are checked, cleaned, counted and split on their way."""

from __future__ import annotations

import time
from array import array
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from raysat.data.groups import Grouping, Groups, torn_groups
from raysat.data.importers.base import ImportSummary, Patch, PatchSource, Progress, no_progress
from raysat.data.importers.form import Form
from raysat.data.importers.pixels import Copies, missing_mask, storable
from raysat.data.splits import SPLITS, Split, stratified
from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import DataError, prefixed
from raysat.formatting import plural


def import_patches(
    source: PatchSource,
    out: Path,
    *,
    allow_duplicates: bool = False,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportSummary:
    """Read all patches of a source into a store; return it, and what was read and dropped.

    Args:
        source: what an importer found.
        out: the store to write, a folder.
        allow_duplicates: accept patches with the same pixels in two splits.
        overwrite: replace a store at ``out``.
        progress: called after each patch with what is read so far and in all, in the source's units.

    Raises:
        DataError: a patch that cannot be read or differs from the ones before it, the same pixels in two splits (names
            both places), or a store that cannot be written.
    """
    started = time.perf_counter()
    with StoreWriter(
        out,
        bands=source.bands,
        classes=source.classes,
        sensor=source.sensor,
        source={"kind": source.kind, "path": str(source.path.resolve()), **source.facts},
        ordinal=source.ordinal,
        generated=source.generated,
        overwrite=overwrite,
    ) as writer:
        importer = PatchImporter(source, writer)
        for number, patch in enumerate(source.patches):
            with prefixed(source.place(number), DataError):
                importer.add(patch)
            progress(patch.done, source.total)
        store, notes = importer.close(allow_duplicates=allow_duplicates)
    return ImportSummary(
        store=store,
        origin=str(source.path),
        unit=source.unit,
        read_counts=tuple(importer.read[label] for label in range(len(store.classes))),
        dropped=dict(importer.dropped),
        notes=(*source.notes, *notes),
        seconds=time.perf_counter() - started,
    )


class PatchImporter:
    """Feeds a writer: refuses patches unlike the first, drops empty ones, splits them, finds copies, counts it all."""

    def __init__(self, source: PatchSource, writer: StoreWriter) -> None:
        self.read: Counter[int] = Counter()  # patches by label, dropped ones too
        self.dropped: Counter[str] = Counter()  # by reason
        self._source, self._writer = source, writer
        self._with_nodata = self._with_place = 0  # patches
        self._first: Form | None = None  # of every patch
        self._copies = Copies()
        self._kept = array("q")  # numbers, as read, of the patches in the store
        self._names: dict[str, int] = {}  # of groups
        self._groups = array("q")  # positions among these; fewer than patches where one has no group

    def add(self, patch: Patch) -> None:
        """Take the next patch. Raises DataError where it cannot be stored."""
        pixels = patch.pixels
        bands, height, width = pixels.shape
        form = Form(bands=bands, height=height, width=width, dtype=pixels.dtype.name)
        form.check_like(self._first)
        self._first = form
        number = self.read.total()
        self.read[patch.label] += 1
        missing = missing_mask(pixels, patch.missing)
        if missing is not None and missing.all():
            self.dropped["every pixel is nodata"] += 1
            return
        if missing is not None:  # a nodata value need not fit the store's type
            pixels = np.where(missing, pixels.dtype.type(0), pixels)
        if self._source.drop_zero and not pixels.any():
            self.dropped["every pixel is zero (--keep-empty keeps them)"] += 1
            return
        stored = storable(pixels)
        self._writer.add(stored, patch.label, patch.split or "train", missing, patch.place)
        self._copies.add(stored, missing)
        self._kept.append(number)
        self._with_nodata += missing is not None
        self._with_place += patch.place is not None
        if patch.group is not None:
            self._groups.append(self._names.setdefault(patch.group, len(self._names)))

    def close(self, *, allow_duplicates: bool) -> tuple[PatchStore, list[str]]:
        """Close the store and return it with notes; where no split but train is given, a fixed stratified one is made.

        Raises DataError where two splits hold the same pixels, unless that is allowed, and where the store cannot be
        closed.
        """
        writer, notes = self._writer, []
        firsts = self._copies.firsts()
        copies = np.flatnonzero(firsts != np.arange(len(firsts)))
        splits: list[Split] | None = None
        if self._source.splits <= {"train"} and not self._source.keep_splits:
            given = "every patch is in train" if self._source.splits else "no split is given"
            notes.append(f"{given}: a fixed stratified 70/15/15 split was made")
            splits = stratified(writer.labels, firsts=firsts)
        crossing = copies[writer.splits[copies] != writer.splits[firsts[copies]]] if splits is None else copies[:0]
        if len(crossing) and not allow_duplicates:
            raise self._leak(firsts, crossing)
        if len(copies):
            where = "in the same split" if splits else f"{len(crossing):,} of them in another split"
            notes.append(f"pixel-identical copies of earlier patches: {len(copies):,}, {where}")
        writer.source |= {
            self._source.unit: self.read.total(),
            "dropped": dict(self.dropped),
            "copies": len(copies),
            "copies_across_splits": len(crossing),
        }
        groups = self._grouped()
        store = writer.close(splits, groups)
        if self._with_nodata:
            notes.append(_nodata_note(store, self._with_nodata))
        if 0 < self._with_place < len(store):
            notes.append(
                f"{self._with_place:,} of {len(store):,} patches have a place on the map: the store keeps none, "
                "as it would need all"
            )
        if 0 < len(self._groups) < len(store):
            notes.append(f"{len(self._groups):,} of {len(store):,} patches have a group: the store keeps none")
        if groups is not None and splits is not None and (torn := torn_groups(groups.codes, store.splits)):
            notes.append(f"{plural(torn, 'group')} in several splits: raysat data split keeps each in one")
        if self._first and self._first.dtype != store.images.dtype.name:
            notes.append(f"{self._first.dtype} is stored as {store.images.dtype.name}")
        return store, notes

    def _grouped(self) -> Groups | None:
        """The groups of all patches; None where one has none."""
        if not self._groups or len(self._groups) < len(self._kept):
            return None
        codes = np.array(self._groups, np.int64)
        if self._source.grouping is None:
            return Groups(codes=codes, grouping=Grouping(by="column"))
        numbers = np.array([int(name) for name in self._names], np.int64)  # as the store had them
        return Groups(codes=numbers[codes], grouping=self._source.grouping)

    def _leak(self, firsts: npt.NDArray[np.int64], crossing: npt.NDArray[np.int64]) -> DataError:
        """The error of copies in another split than the first of their kind."""
        first, copy = (
            f"{self._source.place(self._kept[row])} ({SPLITS[self._writer.splits[row]]})"
            for row in (firsts[crossing[0]], crossing[0])
        )
        count = len(crossing)
        more = f"; {count:,} copies in all lie in another split than the first of their kind" if count > 1 else ""
        return DataError(
            f"{first} and {copy} hold the same pixels, in two splits{more}",
            hint="remove one of them, as a model must not be measured on what it has seen, or use {--allow-duplicates}",
        )


def _nodata_note(store: PatchStore, patches: int) -> str:
    pixels = [f"{name} {count:,}" for name, count in zip(store.bands, store.nodata or (), strict=True) if count]
    where = plural(patches, "patch")
    return f"nodata pixels in {where} ({', '.join(pixels)}): not in the statistics, stored as their band's mean"
