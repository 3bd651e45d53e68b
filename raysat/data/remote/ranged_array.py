"""An array in a file that lies elsewhere: indexed like numpy's, and read as far as its rows are indexed."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.data.npy import NpyHeader
from raysat.data.remote.blocks import BlockReader
from raysat.data.remote.source import Source


class RangedArray:
    """A read-only array whose rows are read when they are asked for; what an index returns is numpy's, in memory."""

    def __init__(self, source: Source, name: str, header: NpyHeader, size: int) -> None:
        """Read nothing yet.

        Args:
            source: where the file is.
            name: of the .npy file.
            header: what it holds.
            size: its bytes.
        """
        self.shape, self.dtype = header.shape, header.dtype
        row = math.prod(header.shape[1:]) * header.dtype.itemsize
        self._reader = BlockReader(source, name, start=header.start, row=row, size=size)

    @cached_property
    def _positions(self) -> npt.NDArray[np.int64]:
        """Of the rows; made when one is asked for, after it was compared with other files how many there are."""
        return np.arange(len(self))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """Index as numpy does; whole rows are read, whatever is taken of them. Raises StoreError, DiskError."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        if first is Ellipsis or first is None:
            return self._rows(self._positions)[key]
        positions = self._positions[first]  # numpy's own reading of an index: bounds, negative positions, masks
        if isinstance(first, slice):
            return self._rows(positions)[:, *rest]
        rows, where = np.unique(positions, return_inverse=True)
        return self._rows(rows)[where.reshape(np.shape(positions))[()], *rest]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("an array that lies elsewhere cannot be had without a copy")
        return np.asarray(self[:], dtype)

    def _rows(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        return self._reader.read(rows).view(self.dtype).reshape(len(rows), *self.shape[1:])
