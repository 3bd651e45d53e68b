"""The patch store: labelled multispectral patches on disk, memory-mapped, with all that training needs to know of them.

A store is a folder of three files::

    images.npy   (N, C, H, W) uint8, uint16 or float32
    labels.npy   (N,) uint8
    store.json   split of each patch, bands, sensor, classes, statistics, source, fingerprint, format version

It is written under a temporary name, synced and renamed into place, so a store is either whole or absent. Opening one
maps the images without reading them: milliseconds and no copy, whatever its size.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt

from raysat.data.disk import check_target, disk_errors, install_folder
from raysat.data.growing import GrowingArray
from raysat.data.stats import BandStats, band_stats
from raysat.errors import DataError, StoreError

__all__ = ["BandStats", "PatchStore", "StoreWriter", "Split", "SPLITS", "DTYPES", "FORMAT"]

FORMAT: Final = 1
Split = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")
DTYPES: Final = ("uint8", "uint16", "float32")
_LETTERS: Final = b"tve"  # train, val, test in store.json: one letter a patch


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchStore:
    """An open store; ``images`` is memory-mapped and read-only."""

    path: Path
    images: npt.NDArray[Any]  # (N, C, H, W)
    labels: npt.NDArray[np.uint8]  # (N,)
    splits: npt.NDArray[np.uint8]  # (N,), position in SPLITS
    bands: tuple[str, ...]
    sensor: str | None
    classes: tuple[str, ...]
    ordinal: bool
    stats: tuple[BandStats, ...]  # of the train split; its full scale is robust, not the extremes
    source: dict[str, Any]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.labels)

    def indices(self, split: Split) -> npt.NDArray[np.int64]:
        """Positions of the patches of a split, ascending."""
        return np.flatnonzero(self.splits == SPLITS.index(split))

    def counts(self, split: Split) -> npt.NDArray[np.int64]:
        """Patches per class in a split, shape (K,)."""
        return np.bincount(self.labels[self.indices(split)], minlength=len(self.classes))

    @property
    def reported_split(self) -> Split:
        """The split that results are reported on: test, or val where a store has no test patches (as droughtwatch)."""
        return "test" if np.any(self.splits == SPLITS.index("test")) else "val"

    @property
    def generated(self) -> bool:
        """Whether the patches were made by a model: they may join a train split, never be measured on."""
        return self.source.get("generated") is True

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a store. Raises StoreError where it is missing, half-written, of another format or inconsistent."""
        path = Path(path)
        try:
            meta = json.loads((path / "store.json").read_text(encoding="utf-8"))
            if meta.get("format") != FORMAT:
                raise StoreError(
                    f"{path} has format {meta.get('format')!r}, this raysat reads {FORMAT}",
                    hint="import the data again",
                )
            store = cls(
                path=path,
                images=np.load(path / "images.npy", mmap_mode="r", allow_pickle=False),
                labels=np.load(path / "labels.npy", allow_pickle=False),
                splits=_decode_splits(meta["splits"]),
                bands=tuple(meta["bands"]),
                sensor=meta["sensor"],
                classes=tuple(meta["classes"]),
                ordinal=bool(meta["ordinal"]),
                stats=tuple(BandStats(**stats) for stats in meta["stats"]),
                source=dict(meta["source"]),
                fingerprint=str(meta["fingerprint"]),
            )
        except StoreError:
            raise
        except (FileNotFoundError, NotADirectoryError) as error:
            if path.joinpath("store.json").exists():
                raise StoreError(f"{path} is incomplete: {error}", hint="import the data again") from error
            raise StoreError(
                f"{path} is not a patch store (no store.json)", hint="make one with: raysat data import"
            ) from error
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
            cause = f"{error} is missing" if isinstance(error, KeyError) else error
            raise StoreError(f"{path} cannot be read: {cause}", hint="import the data again") from error
        store._check()
        return store

    def _check(self) -> None:
        """Raise StoreError where the three files do not fit together."""
        images, labels = self.images, self.labels
        fits = images.ndim == 4 and images.shape[1] == len(self.bands) == len(self.stats)
        if not (fits and labels.ndim == 1 and len(images) == len(labels) == len(self.splits) > 0):
            raise StoreError(
                f"{self.path} is inconsistent: images {images.shape}, labels {labels.shape}, "
                f"{len(self.splits)} splits, {len(self.bands)} bands",
                hint="import the data again",
            )
        if images.dtype.name not in DTYPES or labels.dtype != np.uint8 or labels.max() >= len(self.classes):
            raise StoreError(
                f"{self.path} is inconsistent: images {images.dtype.name}, labels {labels.dtype.name} "
                f"up to {labels.max()} for {len(self.classes)} classes",
                hint="import the data again",
            )


class StoreWriter:
    """Writes a store patch by patch; memory stays flat, and nothing is left behind unless ``close`` succeeds.

    Use as a context manager; leaving it by an exception (Ctrl-C too) removes what was written. Raises DataError where
    the target exists, the disk is full or the folder cannot be written to.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        bands: Sequence[str],
        classes: Sequence[str],
        sensor: str | None,
        source: dict[str, Any],
        ordinal: bool = False,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.source = dict(source)  # importers add what they counted, before close
        self._target = self.path.resolve()
        self._bands, self._classes = tuple(bands), tuple(classes)
        self._sensor, self._ordinal, self._overwrite = sensor, ordinal, overwrite
        self._images: GrowingArray | None = None
        self._labels: list[int] = []
        self._splits: list[int] = []
        self._hash = hashlib.sha256()
        if not 1 <= len(self._classes) <= 256:
            raise DataError(f"{len(self._classes)} classes; a store holds 1 to 256", hint="is the label column right?")
        check_target(self.path, overwrite=overwrite)
        with disk_errors(self.path):
            self._target.parent.mkdir(parents=True, exist_ok=True)
            work = tempfile.mkdtemp(prefix=f".{self._target.name}-", suffix=".partial", dir=self._target.parent)
            self._work = Path(work)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._images is not None:
            self._images.abandon()
        shutil.rmtree(self._work, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def labels(self) -> npt.NDArray[np.uint8]:
        """Labels so far, shape (N,)."""
        return np.asarray(self._labels, dtype=np.uint8)

    def add(self, patch: npt.NDArray[Any], label: int, split: Split = "train") -> None:
        """Append one patch (C, H, W). Raises DataError where shape, type or label differ from what was promised."""
        images = self._images or self._begin(patch)
        if patch.shape != images.item_shape or patch.dtype.name != images.dtype.name:
            raise DataError(
                f"a patch is {_size(patch.shape)} {patch.dtype.name}, "
                f"the ones before it are {_size(images.item_shape)} {images.dtype.name}"
            )
        if not 0 <= label < len(self._classes):
            raise DataError(f"label {label} is outside 0..{len(self._classes) - 1}")
        if patch.dtype.kind == "f" and not np.isfinite(patch).all():
            raise DataError("a patch holds NaN or infinite values")
        with disk_errors(self.path):
            self._hash.update(images.append(patch))
        self._labels.append(int(label))
        self._splits.append(SPLITS.index(split))

    def close(self, splits: Sequence[Split] | None = None) -> PatchStore:
        """Compute statistics, write the description and rename the store into place.

        ``splits`` replaces the splits given to ``add`` (for importers that can only assign them at the end).
        """
        if splits is not None:
            if len(splits) != len(self):
                raise ValueError(f"{len(splits)} splits for {len(self)} patches")
            self._splits = [SPLITS.index(split) for split in splits]
        if self._images is None:
            raise DataError("there is no patch to store: nothing was read, or all of it was dropped")
        codes = np.asarray(self._splits, dtype=np.uint8)
        if not np.any(codes == 0):
            raise DataError("no patch is in the train split")
        shape, dtype = (len(self), *self._images.item_shape), self._images.dtype.name
        # The fingerprint covers what training sees: pixels, labels, splits, band and class names; not their origin.
        seen = [self._bands, self._classes, self._sensor, shape, dtype]
        for part in (self.labels.tobytes(), codes.tobytes(), json.dumps(seen).encode()):
            self._hash.update(part)
        with disk_errors(self.path):
            stats = band_stats(partial(self._images.blocks, codes == 0))
            self._images.finish()
            np.save(self._work / "labels.npy", self.labels)
            described = {
                "format": FORMAT,
                "bands": self._bands,
                "sensor": self._sensor,
                "classes": self._classes,
                "ordinal": self._ordinal,
                "shape": shape,
                "dtype": dtype,
                "stats": [asdict(band) for band in stats],
                "source": self.source,
                "fingerprint": self._hash.hexdigest()[:32],
                "splits": bytes(np.frombuffer(_LETTERS, np.uint8)[codes]).decode(),
            }
            (self._work / "store.json").write_text(json.dumps(described, indent=1), encoding="utf-8")
            self._work.chmod(0o755)
            install_folder(self._work, self._target, overwrite=self._overwrite)
        return PatchStore.open(self.path)

    def _begin(self, patch: npt.NDArray[Any]) -> GrowingArray:
        """Take shape and type from the first patch."""
        if patch.ndim != 3 or patch.shape[0] != len(self._bands) or patch.size == 0:
            raise DataError(f"a patch has shape {patch.shape}, expected {len(self._bands)} bands first")
        if patch.dtype.name not in DTYPES:
            raise DataError(f"patches of type {patch.dtype.name} are not supported", hint=f"use {', '.join(DTYPES)}")
        with disk_errors(self.path):
            self._images = GrowingArray(self._work / "images.npy", patch.shape, np.dtype(patch.dtype.name))
        return self._images


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(axis) for axis in shape)


def _decode_splits(text: str) -> npt.NDArray[np.uint8]:
    codes = np.full(256, 255, dtype=np.uint8)
    codes[np.frombuffer(_LETTERS, np.uint8)] = range(len(_LETTERS))
    decoded: npt.NDArray[np.uint8] = codes[np.frombuffer(text.encode(), np.uint8)]
    if np.any(decoded == 255):
        raise ValueError("splits holds an unknown letter")
    return decoded
