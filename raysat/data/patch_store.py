"""An open patch store: memory-mapped images with all that training needs to know of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from raysat.data.nodata import Mask, read_mask
from raysat.data.splits import SPLITS, Split, from_letters
from raysat.data.stats import BandStats
from raysat.errors import StoreError
from raysat.files import FileModel, read_model

DTYPES: Final = ("uint8", "uint16", "float32")
SYNTHETIC: Final = "synthetic"  # what the source of simulated patches says of their kind
_REMEDY: Final = "import the data again"
_MAX_BYTES: Final = 1 << 30  # of store.json, which has a letter for each patch


class StoreMeta(FileModel):
    """``store.json``: what a store says of itself."""

    format: Literal[1] = 1
    bands: tuple[str, ...]
    sensor: str | None
    classes: tuple[str, ...]
    ordinal: bool
    generated: bool = False
    stats: tuple[BandStats, ...]
    nodata: tuple[int, ...] = ()  # absent where the store is too old to say
    source: dict[str, Any] = field(compare=False)
    fingerprint: str  # of images, labels and splits
    splits: str  # a letter for each patch (see ``splits.py``)

    @model_validator(mode="before")
    @classmethod
    def _mark_of_old(cls, meta: Any) -> Any:
        """Stores once carried the mark of generated patches in their source."""
        if not isinstance(meta, dict) or "generated" in meta or not isinstance(meta.get("source"), dict):
            return meta
        return meta | {"generated": meta["source"].get("generated") is True}


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchStore:
    """An open store; ``images`` is memory-mapped and read-only. Equal are those of one path and content."""

    path: Path
    images: npt.NDArray[Any] = field(compare=False)  # (N, C, H, W)
    labels: npt.NDArray[np.uint8] = field(compare=False)  # (N,)
    splits: npt.NDArray[np.uint8] = field(compare=False)  # (N,), position in SPLITS
    bands: tuple[str, ...]
    sensor: str | None
    classes: tuple[str, ...]
    ordinal: bool
    generated: bool  # by a model: they may join a train split, never be measured on
    stats: tuple[BandStats, ...]  # of the train split; its full scale is robust, not the extremes
    source: dict[str, Any] = field(compare=False)
    fingerprint: str  # of images, labels and splits
    nodata: tuple[int, ...] | None = None  # pixels of each band; None where the store is too old to say

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
        return read_mask(self.path, rows, band, self.images.shape)

    @property
    def reported_split(self) -> Split:
        """The split that results are reported on: test, or val where a store has no test patches (as droughtwatch)."""
        return "test" if np.any(self.splits == SPLITS.index("test")) else "val"

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a store. Raises StoreError where it is missing, half-written, of another format or inconsistent."""
        path = Path(path)
        if not (path / "store.json").is_file():
            raise StoreError(f"{path} is not a patch store (no store.json)", hint="make one with {raysat data import}")
        meta = read_model(StoreMeta, path / "store.json", remedy=_REMEDY, max_bytes=_MAX_BYTES, error=StoreError)
        try:
            store = cls(
                path=path,
                images=np.load(path / "images.npy", mmap_mode="r", allow_pickle=False),
                labels=np.load(path / "labels.npy", allow_pickle=False),
                splits=from_letters(meta.splits),
                bands=meta.bands,
                sensor=meta.sensor,
                classes=meta.classes,
                ordinal=meta.ordinal,
                generated=meta.generated,
                stats=meta.stats,
                source=meta.source,
                fingerprint=meta.fingerprint,
                nodata=meta.nodata if "nodata" in meta.model_fields_set else None,
            )
        except FileNotFoundError as error:
            raise _unusable(path, f"is incomplete: {error}") from error
        except (OSError, EOFError, ValueError) as error:
            raise _unusable(path, f"cannot be read: {error}") from error
        store._check()
        return store

    def _check(self) -> None:
        """Raise StoreError where the files do not fit together."""
        images, labels, nodata = self.images, self.labels, self.nodata
        fits = images.ndim == 4 and images.shape[1] == len(self.bands) == len(self.stats)
        if not (fits and labels.ndim == 1 and len(images) == len(labels) == len(self.splits) > 0):
            raise _unusable(
                self.path,
                f"is inconsistent: images {images.shape}, labels {labels.shape}, {len(self.splits)} splits, "
                f"{len(self.bands)} bands",
            )
        if images.dtype.name not in DTYPES or labels.dtype != np.uint8 or labels.max() >= len(self.classes):
            raise _unusable(
                self.path,
                f"is inconsistent: images {images.dtype.name}, labels {labels.dtype.name} up to {labels.max()} "
                f"for {len(self.classes)} classes",
            )
        of_a_band = len(images) * images.shape[2] * images.shape[3]
        if nodata is not None and (len(nodata) != len(self.bands) or not all(0 <= n <= of_a_band for n in nodata)):
            counts = f"nodata pixels {nodata} in {len(self.bands)} bands of {of_a_band} pixels"
            raise _unusable(self.path, f"is inconsistent: {counts}")


def _unusable(path: Path, cause: str) -> StoreError:
    return StoreError(f"{path} {cause}", hint=_REMEDY)
