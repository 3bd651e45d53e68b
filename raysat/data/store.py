"""The patch store: labelled multispectral patches on disk, memory-mapped, with all that training needs to know of them.

A store is a folder of three files::

    images.npy   (N, C, H, W) uint8, uint16 or float32
    labels.npy   (N,) uint8
    store.json   split of each patch, bands, sensor, classes, statistics, source, fingerprint, format version

``store.json`` is written last and the folder renamed into place, so a store is either whole or absent. Opening one maps
the images without reading them: milliseconds and no copy, whatever its size.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt

from raysat.errors import DataError, StoreError

FORMAT: Final = 1
Split = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")
DTYPES: Final = ("uint8", "uint16", "float32")
_CHUNK: Final = 256  # patches read at a time for statistics: some 12 MB of 65 x 65 x 11 uint8


@dataclass(frozen=True, slots=True, kw_only=True)
class BandStats:
    """Statistics of one band over the train split, in the store's own units."""

    mean: float
    std: float
    low: float
    high: float


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
    stats: tuple[BandStats, ...]
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

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a store. Raises StoreError where it is missing, half-written, of another format or inconsistent."""
        path = Path(path)
        meta_file = path / "store.json"
        if not meta_file.is_file():
            raise StoreError(f"{path} is not a patch store (no store.json)", hint="make one with: raysat data import")
        try:
            meta = json.loads(meta_file.read_text(encoding="utf-8"))
            if meta.get("format") != FORMAT:
                raise StoreError(
                    f"{path} has format {meta.get('format')!r}, this raysat reads {FORMAT}",
                    hint="import the data again",
                )
            images = np.load(path / "images.npy", mmap_mode="r", allow_pickle=False)
            labels = np.load(path / "labels.npy", allow_pickle=False)
            store = cls(
                path=path,
                images=images,
                labels=labels,
                splits=_decode_splits(meta["splits"]),
                bands=tuple(meta["bands"]),
                sensor=meta["sensor"],
                classes=tuple(meta["classes"]),
                ordinal=bool(meta["ordinal"]),
                stats=tuple(BandStats(**stats) for stats in meta["stats"]),
                source=meta["source"],
                fingerprint=str(meta["fingerprint"]),
            )
        except StoreError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(f"{path} cannot be read: {error}", hint="import the data again") from error
        shape_ok = images.ndim == 4 and images.shape[1] == len(store.bands) == len(store.stats)
        if not (shape_ok and len(images) == len(labels) == len(store.splits)):
            raise StoreError(
                f"{path} is inconsistent: images {images.shape}, {len(labels)} labels, {len(store.bands)} bands"
            )
        return store


class StoreWriter:
    """Writes a store patch by patch; memory stays flat, and nothing is left behind unless ``close`` succeeds.

    Use as a context manager; leaving it by an exception (Ctrl-C too) removes what was written.
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
        if self.path.exists() and not overwrite:
            raise DataError(f"{self.path} exists already", hint="choose another --out, or replace it with --overwrite")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._bands, self._classes = tuple(bands), tuple(classes)
        self._meta = {"sensor": sensor, "source": source, "ordinal": ordinal}
        self._work = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", suffix=".partial", dir=self.path.parent))
        self._raw = (self._work / "images.raw").open("wb")
        self._shape: tuple[int, ...] | None = None
        self._dtype: np.dtype[Any] | None = None
        self._labels: list[int] = []
        self._splits: list[int] = []
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()
        if self._work.exists():
            shutil.rmtree(self._work)

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, patch: npt.NDArray[Any], label: int, split: Split) -> None:
        """Append one patch (C, H, W). Raises DataError where shape, type or label differ from what was promised."""
        if self._shape is None:
            if patch.ndim != 3 or patch.shape[0] != len(self._bands):
                raise DataError(f"a patch has shape {patch.shape}, expected {len(self._bands)} bands first")
            if patch.dtype.name not in DTYPES:
                raise DataError(
                    f"patches of type {patch.dtype.name} are not supported", hint=f"use {', '.join(DTYPES)}"
                )
            self._shape, self._dtype = patch.shape, patch.dtype
        if patch.shape != self._shape or patch.dtype != self._dtype:
            raise DataError(
                f"a patch is {patch.shape} {patch.dtype.name}, the ones before it {self._shape} {self._dtype}"
            )
        if not 0 <= label < len(self._classes):
            raise DataError(f"label {label} is outside 0..{len(self._classes) - 1}")
        content = np.ascontiguousarray(patch).tobytes()
        self._raw.write(content)
        self._hash.update(content)
        self._labels.append(label)
        self._splits.append(SPLITS.index(split))

    def close(self, splits: Sequence[Split] | None = None) -> PatchStore:
        """Compute statistics, write the description and rename the store into place.

        ``splits`` replaces the splits given to ``add`` (for importers that can only assign them at the end).
        """
        if splits is not None:
            self._splits = [SPLITS.index(split) for split in splits]
        if self._shape is None or self._dtype is None:
            raise DataError("no patch was read", hint="check the path and the file format")
        if SPLITS.index("train") not in self._splits:
            raise DataError("no patch is in the train split")
        self._raw.close()
        labels = np.asarray(self._labels, dtype=np.uint8)
        split_codes = np.asarray(self._splits, dtype=np.uint8)
        shape = (len(labels), *self._shape)
        _raw_to_npy(self._work / "images.raw", self._work / "images.npy", shape, self._dtype)
        np.save(self._work / "labels.npy", labels)
        images = np.load(self._work / "images.npy", mmap_mode="r")
        stats = band_stats(images, np.flatnonzero(split_codes == 0))
        described = {
            "format": FORMAT,
            "bands": self._bands,
            "classes": self._classes,
            **self._meta,
            "shape": shape,
            "dtype": self._dtype.name,
            "splits": _encode_splits(split_codes),
            "stats": [{"mean": s.mean, "std": s.std, "low": s.low, "high": s.high} for s in stats],
        }
        # The fingerprint covers what training sees: pixels, labels, splits, band and class names; not their origin.
        seen = [self._bands, self._classes, self._meta["sensor"], shape, self._dtype.name]
        for part in (labels.tobytes(), split_codes.tobytes(), json.dumps(seen).encode()):
            self._hash.update(part)
        described["fingerprint"] = self._hash.hexdigest()[:32]
        (self._work / "store.json").write_text(json.dumps(described, indent=1), encoding="utf-8")
        del images
        if self.path.exists():
            shutil.rmtree(self.path)
        self._work.chmod(0o755)
        self._work.rename(self.path)
        return PatchStore.open(self.path)


def band_stats(images: npt.NDArray[Any], indices: npt.NDArray[np.int64]) -> tuple[BandStats, ...]:
    """Mean, standard deviation and value range of each band over some patches, in one pass of flat memory.

    ``low`` and ``high`` are the full scale of uint8 (0, 255) and the observed extremes of wider types. Chunks are
    merged by Chan et al. 1979, which stays exact where a sum of squares would cancel.
    """
    n, mean, m2 = 0.0, np.zeros(images.shape[1]), np.zeros(images.shape[1])
    low, high = np.full(images.shape[1], np.inf), np.full(images.shape[1], -np.inf)
    for chunk in _chunks(images, indices):
        pixels = chunk.transpose(1, 0, 2, 3).reshape(images.shape[1], -1).astype(np.float64)
        size, chunk_mean = pixels.shape[1], pixels.mean(axis=1)
        delta = chunk_mean - mean
        m2 += pixels.var(axis=1) * size + delta**2 * n * size / (n + size)
        mean += delta * size / (n + size)
        n += size
        low, high = np.minimum(low, pixels.min(axis=1)), np.maximum(high, pixels.max(axis=1))
    if images.dtype == np.uint8:
        low, high = np.zeros_like(low), np.full_like(high, 255.0)
    std = np.sqrt(m2 / n)
    rows = zip(mean.tolist(), std.tolist(), low.tolist(), high.tolist(), strict=True)
    return tuple(BandStats(mean=a, std=b, low=c, high=d) for a, b, c, d in rows)


def _chunks(images: npt.NDArray[Any], indices: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[Any]]:
    for start in range(0, len(indices), _CHUNK):
        yield images[indices[start : start + _CHUNK]]


def _raw_to_npy(raw: Path, npy: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Put an .npy header before raw pixels, copying by block."""
    with npy.open("wb") as target, raw.open("rb") as pixels:
        np.lib.format.write_array_header_2_0(target, {"descr": dtype.str, "fortran_order": False, "shape": shape})
        shutil.copyfileobj(pixels, target, 16 << 20)
    raw.unlink()


def _encode_splits(codes: npt.NDArray[np.uint8]) -> str:
    """One letter a patch keeps store.json small and readable: t(rain), v(al), e (test)."""
    return "".join("tve"[code] for code in codes)


def _decode_splits(text: str) -> npt.NDArray[np.uint8]:
    return np.asarray(["tve".index(letter) for letter in text], dtype=np.uint8)
