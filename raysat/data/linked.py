"""Images of a store that are those of another one, all of them in its order: its file is linked, and not copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from raysat.data.nodata import Mask
from raysat.data.npy import map_npy
from raysat.data.store_files import IMAGES, REMEDY
from raysat.files import link_file

_BLOCK: Final = 1 << 20  # bytes that are read at a time


@dataclass(eq=False)
class LinkedPatches:
    """Takes the place of ``PatchAppender`` where there is nothing to write; no patch may have nodata."""

    images: npt.NDArray[Any]  # mapped, (N, C, H, W)

    @classmethod
    def of(cls, images: Path, folder: Path) -> Self | None:
        """Link the images of a store into the folder of another; None where the file system has no links between."""
        if not link_file(images, folder / IMAGES):
            return None
        return cls(map_npy(folder / IMAGES, remedy=REMEDY))

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a patch, (C, H, W)."""
        return self.images.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its pixels."""
        return self.images.dtype

    def append(self, patch: npt.NDArray[Any], missing: Mask | None) -> bytes:
        """Return the bytes of a patch, which is in the file already. Raises ValueError where it has nodata."""
        if missing is not None and missing.any():
            raise ValueError("images with nodata depend on the splits, and cannot be linked")
        return patch.tobytes()

    @property
    def nodata_digest(self) -> bytes:
        """As of images without nodata."""
        return b""

    def blocks(self, wanted: npt.NDArray[np.bool_]) -> Iterator[tuple[npt.NDArray[Any], Mask | None]]:
        """Read the wanted patches, some 1 MB at a time; none has nodata."""
        step = max(1, _BLOCK // self.images[0].nbytes)
        for first in range(0, len(wanted), step):
            rows = first + np.flatnonzero(wanted[first : first + step])
            if len(rows):
                yield self.images[rows], None

    def count_nodata(self, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:  # noqa: ARG002  (as the other)
        """Nodata pixels per band (C,): none."""
        return np.zeros(self.shape[0], np.int64)

    def bands_without_data(self, wanted: npt.NDArray[np.bool_]) -> list[int]:  # noqa: ARG002  (as the other)
        """Positions of the bands without a valid pixel: none."""
        return []

    def fill(self, values: npt.NDArray[np.float64]) -> None:
        """Fill nothing."""

    def finish(self) -> None:
        """Write nothing."""

    def abandon(self) -> None:
        """Close nothing: the link goes with its folder."""
