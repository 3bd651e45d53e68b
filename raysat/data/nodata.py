"""Which pixels of a store are nodata: one bit a pixel in ``nodata.npy``, a file that only stores with nodata have.

It is (N, C, ceil(H * W / 8)) uint8; bits are those of ``np.packbits``, 1 where a pixel is nodata. Patches without any
are holes in the file. Training does not need it: nodata pixels hold their band's mean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.data.npy_appender import NpyAppender
from raysat.data.store_files import NODATA, REMEDY, Images, StoreFiles
from raysat.errors import StoreError

Mask = npt.NDArray[np.bool_]  # True where a pixel is nodata


def read_mask(files: StoreFiles, rows: npt.NDArray[np.int64], band: int, shape: tuple[int, ...]) -> Mask:
    """Return where some patches of a store are nodata in a band, (n, H, W).

    Args:
        files: of the store.
        rows: positions of the patches, (n,).
        band: position of the band.
        shape: of the store's images, (N, C, H, W).

    Raises:
        StoreError: the store's file is missing or not what it should be.
    """
    packed = map_masks(files, shape)
    return unpack(packed[rows, band], *shape[2:])


def map_masks(files: StoreFiles, shape: tuple[int, ...]) -> Images:
    """Map the packed masks of a store's images (N, C, H, W). Raises StoreError where they do not fit these."""
    count, bands, height, width = shape
    packed = files.array(NODATA)
    if packed.dtype != np.uint8 or packed.shape != (count, bands, -(-height * width // 8)):
        raise StoreError(
            f"{files.place}/{NODATA} is inconsistent: {packed.shape} {packed.dtype.name} for images {shape}",
            hint=REMEDY,
        )
    return packed


@dataclass(eq=False)
class PatchAppender:
    """The files of a store that grow with it: its images and, from the first nodata pixel on, which ones are nodata.

    Memory stays flat: one number for each patch with nodata. Raises OSError where the disk fails.
    """

    folder: Path  # the store
    shape: tuple[int, ...]  # of a patch, (C, H, W)
    dtype: np.dtype[Any]  # of its pixels

    def __post_init__(self) -> None:
        self._images = NpyAppender(self.folder / "images.npy", self.shape, self.dtype)
        self._files = [self._images]
        self._masks: NpyAppender | None = None
        self._touched: list[int] = []  # positions of patches with nodata
        self._hash = hashlib.sha256()

    def append(self, patch: npt.NDArray[Any], missing: Mask | None) -> bytes:
        """Append a patch (C, H, W), with what is ``missing`` set to 0 until ``fill``, and return its bytes."""
        position = self._images.count
        if missing is None or not missing.any():
            if self._masks is not None:
                self._masks.skip(1)
            return self._images.append(patch)
        packed = np.packbits(missing.reshape(len(missing), -1), axis=-1)
        if self._masks is None:
            self._masks = NpyAppender(self.folder / NODATA, packed.shape, packed.dtype)
            self._files.append(self._masks)
            self._masks.skip(position)
        self._hash.update(position.to_bytes(8, "little") + self._masks.append(packed))
        self._touched.append(position)
        return self._images.append(np.where(missing, self.dtype.type(0), patch))

    @property
    def nodata_digest(self) -> bytes:
        """A digest of which pixels are nodata; empty where none is."""
        return self._hash.digest() if self._touched else b""

    def blocks(self, wanted: npt.NDArray[np.bool_]) -> Iterator[tuple[npt.NDArray[Any], Mask | None]]:
        """Read the wanted patches back, some 1 MB at a time, each with its mask or None where it has no nodata."""
        step = self._images.per_block
        if self._masks is None:
            yield from ((pixels, None) for pixels in self._images.blocks(wanted, step))
            return
        for pixels, packed in zip(self._images.blocks(wanted, step), self._masks.blocks(wanted, step), strict=True):
            yield pixels, unpack(packed, *self.shape[1:]) if packed.any() else None

    def count_nodata(self, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Nodata pixels of the wanted patches, per band (C,)."""
        counts = np.zeros(self.shape[0], np.int64)
        for packed in self._masks.blocks(wanted) if self._masks is not None else ():
            counts += np.bitwise_count(packed).sum(axis=(0, 2), dtype=np.int64)
        return counts

    def bands_without_data(self, wanted: npt.NDArray[np.bool_]) -> list[int]:
        """Positions of the bands of which no pixel is valid in the wanted patches."""
        of_a_band = int(wanted.sum()) * self.shape[1] * self.shape[2]
        return np.flatnonzero(self.count_nodata(wanted) == of_a_band).tolist()

    def fill(self, values: npt.NDArray[np.float64]) -> None:
        """Give each nodata pixel its band's value (C,), rounded where the images are of whole numbers."""
        if self._masks is not None:
            stored = (np.rint(values) if self.dtype.kind == "u" else values).astype(self.dtype)[:, None, None]
            for position in self._touched:
                missing = unpack(self._masks.read(position), *self.shape[1:])
                self._images.overwrite(position, np.where(missing, stored, self._images.read(position)))

    def finish(self) -> None:
        """Write the final headers, sync and close."""
        for file in self._files:
            file.finish()

    def abandon(self) -> None:
        """Close the files, whatever their state."""
        for file in self._files:
            file.abandon()


def unpack(packed: npt.NDArray[np.uint8], height: int, width: int) -> Mask:
    """Return the masks of packed bits.

    Args:
        packed: bits as they are stored, (..., bytes).
        height: of a patch.
        width: of a patch.

    Returns:
        Where pixels are nodata, (..., H, W).
    """
    bits = np.unpackbits(packed, axis=-1, count=height * width)
    return bits.view(np.bool_).reshape(*packed.shape[:-1], height, width)
