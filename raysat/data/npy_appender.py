"""An .npy file that grows by whole items, never held in memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BLOCK: Final = 1 << 20  # bytes read back at a time


@dataclass(eq=False)
class NpyAppender:
    """Items of one shape and type, appended to a file that ``np.load`` reads once ``finish`` was called.

    The header is written for no item and rewritten in place at the end: numpy leaves room in it for the first axis to
    grow, so the pixels need not be copied. Raises OSError where the disk fails.
    """

    path: Path
    item_shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __post_init__(self) -> None:
        self.count = 0
        self._item_bytes = int(np.prod(self.item_shape)) * self.dtype.itemsize
        self._file = self.path.open("w+b")
        self._write_header()
        self._start = self._file.tell()

    def append(self, item: npt.NDArray[Any]) -> bytes:
        """Append an item and return its bytes."""
        content = np.ascontiguousarray(item, dtype=self.dtype).tobytes()
        self._file.write(content)
        self.count += 1
        return content

    def skip(self, count: int) -> None:
        """Append items of zeros, as a hole: most file systems keep no space for it."""
        self._file.seek(count * self._item_bytes, os.SEEK_CUR)
        self._file.truncate()
        self.count += count

    @property
    def per_block(self) -> int:
        """How many items make some 1 MB."""
        return max(1, _BLOCK // self._item_bytes)

    def blocks(self, wanted: npt.NDArray[np.bool_], per_block: int | None = None) -> Iterator[npt.NDArray[Any]]:
        """Read the wanted items back, those among so many at a time; by default some 1 MB.

        This reads the file where a memory map would do, since mapped pages count as memory of the process.
        """
        step = per_block or self.per_block
        for first in range(0, self.count, step):
            chosen = wanted[first : first + step]
            if chosen.any():
                yield self._read(first, len(chosen))[chosen]

    def read(self, position: int) -> npt.NDArray[Any]:
        """Read one item back."""
        item: npt.NDArray[Any] = self._read(position, 1)[0]
        return item

    def overwrite(self, position: int, item: npt.NDArray[Any]) -> None:
        """Replace one item; nothing can be appended from then on."""
        self._file.seek(self._start + position * self._item_bytes)
        self._file.write(np.ascontiguousarray(item, dtype=self.dtype).tobytes())

    def finish(self) -> None:
        """Write the final header, sync and close."""
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._start:
            raise RuntimeError("this numpy's .npy header cannot be rewritten in place")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Close the file, whatever its state; closing flushes, which fails again on a full disk."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _read(self, first: int, count: int) -> npt.NDArray[Any]:
        self._file.seek(self._start + first * self._item_bytes)
        content = self._file.read(count * self._item_bytes)
        return np.frombuffer(content, self.dtype).reshape(count, *self.item_shape)

    def _write_header(self) -> None:
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.count, *self.item_shape)}
        np.lib.format.write_array_header_1_0(self._file, header)
