"""Where windows and cells lie along one axis of a scene, and the parts that a map is made in.

A window is what the model sees: a patch of P pixels. Windows start every ``stride`` pixels; the last is moved back so
that it ends with the scene, unless the scene is smaller than a patch. A cell is ``stride`` pixels, the last one maybe
less. A cell's probabilities are the mean over all windows that contain the whole cell: with a stride of P just one,
whose label it has, else up to floor(P / stride) along each axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

SLAB_BYTES: Final = 32 << 20  # of pixels that are read at once
_WINDOWS: Final = 1 << 14  # that are classified between two writes, where a row has not more
_SWATH: Final = 1 << 13  # cells of a row of a map that is made at once

Indexes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Windows and cells along one axis of ``length`` pixels."""

    length: int
    patch: int  # pixels of a window
    stride: int  # pixels of a cell, at most those of a window

    @property
    def cells(self) -> int:
        """How many there are."""
        return -(-self.length // self.stride)

    @property
    def starts(self) -> Indexes:
        """First pixel of each window."""
        last = max(0, self.length - self.patch)
        regular = np.arange(0, last + 1, self.stride, dtype=np.int64)
        return regular if regular[-1] == last else np.append(regular, last)

    def bounds(self, begin: int, end: int) -> tuple[Indexes, Indexes]:
        """The first pixels, and those after the last, of the cells from ``begin`` to before ``end``."""
        first = np.arange(begin, end, dtype=np.int64) * self.stride
        return first, np.minimum(first + self.stride, self.length)

    def containing(self) -> tuple[Indexes, Indexes]:
        """The first and the last window that contain each cell; all between do."""
        begin, end = self.bounds(0, self.cells)
        starts = self.starts
        first = np.searchsorted(starts, end - self.patch, side="left")
        return first.astype(np.int64), (np.searchsorted(starts, begin, side="right") - 1).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """Windows and cells of a scene."""

    rows: Axis
    columns: Axis

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.rows.cells, self.columns.cells

    def classified(self, width: int) -> int:
        """Windows in all swaths together: those at the sides of two count twice."""
        return len(self.rows.starts) * sum(swath.windows[1] - swath.windows[0] for swath in self.swaths(width))

    def swaths(self, width: int) -> Iterator[Swath]:
        """Parts of some columns of cells, about ``width`` pixels each: memory is bounded whatever the scene's width."""
        first, last = self.columns.containing()
        step = min(_SWATH, max(1, width // self.columns.stride))
        for begin in range(0, self.columns.cells, step):
            end = min(begin + step, self.columns.cells)
            yield Swath(cells=(begin, end), windows=(int(first[begin]), int(last[end - 1]) + 1))

    def slabs(self, swath: Swath, row_bytes: int) -> Iterator[tuple[int, int]]:
        """Runs of window rows that are read at once: the first, and the one after the last.

        Args:
            swath: which part of each row.
            row_bytes: of one row of pixels there.

        Yields:
            At least one row of windows each.
        """
        starts, per_row = self.rows.starts, swath.windows[1] - swath.windows[0]
        begin = 0
        while begin < len(starts):
            end = begin + 1
            while (
                end < len(starts)
                and (starts[end] + self.rows.patch - starts[begin]) * row_bytes <= SLAB_BYTES
                and (end + 1 - begin) * per_row <= _WINDOWS
            ):
                end += 1
            yield begin, end
            begin = end


@dataclass(frozen=True, slots=True, kw_only=True)
class Swath:
    """Some columns of cells, and the columns of windows that contain them; each the first and the one after the last.

    Windows at its sides are classified for the next one, too.
    """

    cells: tuple[int, int]
    windows: tuple[int, int]
