"""What a map says of each cell: probabilities averaged over windows, class, entropy, disagreement between seeds.

With p_s the probabilities of seed s in a cell, averaged over the windows that contain it, and p their mean over the S
seeds:

    class          the most probable one of p; the first of equal ones
    entropy        H(p) / log K, with H(p) = -sum p log p: 0 where one class is certain, 1 where all K are equal
    disagreement   (H(p) - mean of H(p_s)) / log min(S, K), the Jensen-Shannon divergence of the seeds (Lin 1991, IEEE
                   Trans. Inf. Theory 37), also known as the mutual information of class and model, or BALD (Houlsby et
                   al. 2011): 0 where all seeds say the same, 1 where each is certain of a class of its own
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from raysat.inference.maps.tiling import Swath, Tiling

NODATA: Final = 255  # class of a cell without one
LEVELS: Final = 254  # of what is in [0, 1], as whole numbers; 255 is nodata

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellRows:
    """Finished rows of cells of a swath."""

    row: int  # of the first, in the map
    column: int
    probabilities: Floats  # (K, rows, columns); what a cell without any holds has no meaning
    predicted: npt.NDArray[np.uint8]  # (rows, columns)
    entropy: Floats  # (rows, columns)
    disagreement: Floats | None  # (rows, columns); None of one seed
    missing: Mask  # (rows, columns)


class SwathCells:
    """Adds up windows of a swath, row by row, and gives the rows of cells that no later window contains."""

    def __init__(self, tiling: Tiling, swath: Swath, models: int, classes: int) -> None:
        """Begin with the first row.

        Args:
            tiling: windows and cells.
            swath: the part that windows come of.
            models: how many predict each window, a seed each.
            classes: that they tell apart.
        """
        begin, end = swath.cells
        self._first_row, self._last_row = tiling.rows.containing()
        first, last = tiling.columns.containing()
        self._first = first[begin:end] - swath.windows[0]
        self._last = last[begin:end] - swath.windows[0]
        self._column = begin
        self._done = 0  # rows of cells that were given
        self._sums = np.zeros((models, classes, 0, end - begin), np.float32)
        self._counts = np.zeros((0, end - begin), np.float32)
        self._missing = np.zeros((0, end - begin), np.bool_)

    def new_rows(self, windows: int) -> tuple[int, int]:
        """Rows of cells that come into sight with the windows up to row ``windows``: the first, the one after the last.

        All pixels of theirs lie in the windows that are added next.
        """
        begin = self._done + len(self._counts)
        return begin, int(np.searchsorted(self._first_row, windows, side="left"))

    def add(self, first: int, probabilities: Floats, valid: Mask, missing: Mask) -> CellRows | None:
        """Add rows of windows, each once and in order.

        Args:
            first: number of the first row.
            probabilities: of each model, (S, K, rows, windows).
            valid: which windows were classified, (rows, windows); what others hold has no meaning.
            missing: which cells of ``new_rows`` are nodata, (rows, columns).

        Returns:
            The rows of cells that are finished by that, or None where none is.
        """
        rows = len(valid)
        self._sums = _taller(self._sums, len(missing))
        self._counts = _taller(self._counts, len(missing))
        self._missing = np.concatenate([self._missing, missing])
        across = _runs(np.where(valid, probabilities, np.float32(0)), self._first, self._last)
        counts = _runs(valid.astype(np.float32), self._first, self._last)
        for row in range(rows):
            # The rows of cells that a row of windows contains follow each other.
            begin = int(np.searchsorted(self._last_row, first + row, side="left")) - self._done
            stop = int(np.searchsorted(self._first_row, first + row, side="right")) - self._done
            self._sums[:, :, begin:stop] += across[:, :, row, None]
            self._counts[begin:stop] += counts[row]
        finished = int(np.searchsorted(self._last_row, first + rows, side="left")) - self._done
        return self._take(finished) if finished else None

    def _take(self, rows: int) -> CellRows:
        """Give the first rows away."""
        missing = self._missing[:rows] | (self._counts[:rows] == 0)
        means_SKRC = (self._sums[:, :, :rows] / np.where(missing, 1, self._counts[:rows])).astype(np.float32)
        first, self._done = self._done, self._done + rows
        self._sums, self._counts = self._sums[:, :, rows:], self._counts[rows:]
        self._missing = self._missing[rows:]
        return summarize(means_SKRC, missing, row=first, column=self._column)


def summarize(means_SKRC: Floats, missing: Mask, *, row: int = 0, column: int = 0) -> CellRows:
    """Return what a map says of cells.

    Args:
        means_SKRC: probabilities by seed, class and cell.
        missing: cells without any, (rows, columns).
        row: of the first cell, in the map.
        column: of the first cell.
    """
    models, classes = means_SKRC.shape[:2]
    mean = means_SKRC.mean(axis=0)
    entropy, disagreement = _entropy(mean, 0), None
    if models > 1:
        shared = entropy - _entropy(means_SKRC, 1).mean(axis=0)
        disagreement = np.clip(shared / np.float32(np.log(min(models, classes)) or 1), 0, 1)
    return CellRows(
        row=row,
        column=column,
        probabilities=mean,
        predicted=np.where(missing, NODATA, mean.argmax(axis=0)).astype(np.uint8),
        entropy=np.clip(entropy / np.float32(np.log(classes) or 1), 0, 1),
        disagreement=disagreement,
        missing=missing,
    )


def _entropy(probabilities: Floats, axis: int) -> Floats:
    """-sum p log p, in nats; 0 log 0 is 0."""
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    found: Floats = -(probabilities * logs).sum(axis=axis)
    return found


def _taller(rows: Floats, more: int) -> Floats:
    """The same with so many rows of 0 more; rows are the last axis but one."""
    below = np.zeros((*rows.shape[:-2], more, rows.shape[-1]), rows.dtype)
    return np.concatenate([rows, below], axis=-2)


def _runs(values: Floats, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> Floats:
    """Sums over the last axis from ``first`` to ``last``, both included: the windows that contain each cell."""
    total = values[..., first].copy()
    for step in range(1, int((last - first).max()) + 1):
        within = first + step <= last
        total[..., within] += values[..., (first + step)[within]]
    return total
