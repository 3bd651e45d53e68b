"""An open patch store: memory-mapped images with all that training needs to know of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from raysat.data.groups import Groups
from raysat.data.nodata import Mask, read_mask
from raysat.data.open_check import find_fault
from raysat.data.places import Places, from_table
from raysat.data.splits import SPLITS, Split, from_letters
from raysat.data.stats import BandStats
from raysat.data.store_files import GROUPS, IMAGES, LABELS, META, PLACES, REMEDY, Images, LocalFiles, StoreFiles
from raysat.data.store_meta import StoreMeta
from raysat.errors import StoreError
from raysat.files import AnyPath, parse_model

SYNTHETIC: Final = "synthetic"  # what the source of simulated patches says of their kind


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchStore:
    """An open store; ``images`` is memory-mapped and read-only. Equal are those of one path and content."""

    path: AnyPath  # what it is called by
    images: Images = field(compare=False)  # (N, C, H, W)
    labels: npt.NDArray[np.uint8] = field(compare=False)  # (N,)
    splits: npt.NDArray[np.uint8] = field(compare=False)  # (N,), position in SPLITS
    bands: tuple[str, ...]
    sensor: str | None
    classes: tuple[str, ...]
    ordinal: bool
    generated: bool  # by a model: they may join a train split, never be measured on
    stats: tuple[BandStats, ...]  # of the train split; its full scale is robust, not the extremes
    source: dict[str, Any] = field(compare=False)
    fingerprint: str  # of images, labels, splits and, where they are known, places
    nodata: tuple[int, ...] | None = None  # pixels of each band; None where the store is too old to say
    pixel_size: float | None = None  # metres; None where it is not known
    places: Places | None = field(compare=False, repr=False, default=None)  # of its patches; None where not known
    groups: Groups | None = field(compare=False, repr=False, default=None)  # that it was told; see ``grouped.py``
    files: StoreFiles = field(compare=False, repr=False)  # where all this is read from
    digest: str = field(compare=False, repr=False)  # of ``store.json``: what a copy of the store is known by
    hold: object = field(compare=False, repr=False, default=None)  # keeps the files there as long as the store is used
    title: str | None = field(compare=False, repr=False, default=None)  # that it goes by, where that is not its path

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def synthetic(self) -> bool:
        """Whether its patches are simulated, such as the demo's: nothing about real imagery rests on them."""
        return self.source.get("kind") == SYNTHETIC

    def indices(self, split: Split) -> npt.NDArray[np.int64]:
        """Positions of the patches of a split, ascending."""
        return np.flatnonzero(self.splits == SPLITS.index(split))

    def counts(self, split: Split) -> npt.NDArray[np.int64]:
        """Patches per class in a split, shape (K,)."""
        return np.bincount(self.labels[self.indices(split)], minlength=len(self.classes))

    def missing(self, rows: npt.NDArray[np.int64], band: int) -> Mask:
        """Where some patches are nodata in a band, (n, H, W); nowhere where the store is too old to say.

        Raises StoreError where the file that says it is missing or damaged.
        """
        if not self.nodata or not self.nodata[band]:
            return np.zeros((len(rows), *self.images.shape[2:]), np.bool_)
        return read_mask(self.files, rows, band, self.images.shape)

    @property
    def reported_split(self) -> Split:
        """The split that results are reported on: test, or val where a store has no test patches (as droughtwatch)."""
        return "test" if np.any(self.splits == SPLITS.index("test")) else "val"

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a store; what is checked takes milliseconds (see ``open_check.py``), and no pickle or archive is read.

        Raises StoreError where it is missing, half-written, of another format or inconsistent.
        """
        return cls.read(LocalFiles(Path(path)), Path(path))

    @classmethod
    def read(cls, files: StoreFiles, path: AnyPath, *, hold: object = None) -> Self:
        """Open a store by its files, as ``open`` does.

        Args:
            files: where they are read.
            path: what the store is called by.
            hold: what keeps the files there as long as the store is used, where they may be deleted otherwise.

        Returns:
            The store.

        Raises:
            StoreError: as ``open``.
        """
        if files.size(META) is None:
            raise StoreError(f"{path} is not a patch store (no {META})", hint="make one with {raysat data import}")
        content = files.read_meta()
        meta = parse_model(StoreMeta, content, f"{files.place}/{META}", remedy=REMEDY, error=StoreError)
        images, labels = files.array(IMAGES), np.asarray(files.array(LABELS))
        table = np.asarray(files.array(PLACES)[:]) if meta.scenes else None
        codes = None if meta.grouping is None else np.asarray(files.array(GROUPS)[:])
        if fault := find_fault(meta, images, labels, table, codes):
            raise StoreError(f"{path} is inconsistent: {fault}", hint=REMEDY)
        return cls(
            path=path,
            images=images,
            labels=np.array(labels),
            splits=from_letters(meta.splits),
            bands=meta.bands,
            sensor=meta.sensor,
            classes=meta.classes,
            ordinal=meta.ordinal,
            generated=meta.source.get("generated") is True if meta.generated is None else meta.generated,
            stats=meta.stats,
            source=meta.source,
            fingerprint=meta.fingerprint,
            nodata=meta.nodata if "nodata" in meta.model_fields_set else None,
            pixel_size=meta.pixel_size,
            places=None if table is None else from_table(table, meta.scenes),
            groups=None if codes is None or meta.grouping is None else Groups(codes=codes, grouping=meta.grouping),
            files=files,
            digest=store_digest(content),
            hold=hold,
        )


def origin(store: PatchStore) -> str | None:
    """What a store's patches come from: its importer, or of a store that was converted, the first one's."""
    kind = store.source.get("converted_from") or store.source.get("kind")
    return kind[:200] if isinstance(kind, str) and kind else None


def folds_of(store: PatchStore) -> str | None:
    """What a store was one fold of: the fingerprint of the store that was split; None of one that is no fold."""
    of = store.source.get("split_from")
    return of[:200] if "folds" in store.source and isinstance(of, str) and of else None


def patch_counts(store: PatchStore) -> tuple[int, int, int]:
    """Patches in train, val and test."""
    train, val, test = np.bincount(store.splits, minlength=len(SPLITS)).tolist()
    return train, val, test


def store_digest(meta: bytes) -> str:
    """What a store is known by where it is copied: a hash of its ``store.json``, which has one of all the rest."""
    return hashlib.sha256(meta).hexdigest()[:32]
