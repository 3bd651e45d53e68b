"""Makes the cells of a map: windows of a scene classified by the models of an arm, and averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.data.scenes.scene import Scene
from raysat.inference.classifier import Classifier
from raysat.inference.maps.cells import CellRows, Floats, Mask, SwathCells
from raysat.inference.maps.reading import Slab, slabs, swath_width
from raysat.inference.maps.region import Region
from raysat.inference.maps.tiling import Indexes, Swath, Tiling
from raysat.training.device import EVALUATION_BATCH
from raysat.training.patches import as_float

OnWindows = Callable[[int, int], None]  # windows done, and in all


def map_cells(
    models: Sequence[Classifier], scene: Scene, region: Region, tiling: Tiling, on_windows: OnWindows
) -> Iterator[CellRows]:
    """Classify a region of a scene.

    Args:
        models: that take the same patches.
        scene: of their bands, in order.
        region: which part of it.
        tiling: of the region, into windows of the models' size.
        on_windows: is told how far it is.

    Yields:
        Finished rows of cells, swath by swath; memory does not grow with the scene.

    Raises:
        DataError: a file is damaged.
    """
    classes = len(models[0].classes)
    swath: Swath | None = None
    done, total = 0, tiling.classified(swath_width(scene))
    for slab in slabs(scene, region, tiling, models[0].inputs):
        if slab.swath is not swath:
            swath = slab.swath
            cells = SwathCells(tiling, swath, len(models), classes)
        rows, columns = tiling.rows, tiling.columns
        top = rows.starts[slab.begin : slab.end]
        left = columns.starts[swath.windows[0] : swath.windows[1]]
        valid = ~slab.mostly_missing((top, top + rows.patch), (left, left + columns.patch))
        found = _classify(models, slab, tiling, top, left, valid)
        rows_of_cells, columns_of_cells = rows.bounds(*cells.new_rows(slab.end)), columns.bounds(*swath.cells)
        missing = slab.mostly_missing(rows_of_cells, columns_of_cells)
        if (finished := cells.add(slab.begin, found, valid, missing)) is not None:
            yield finished
        done += valid.size
        on_windows(done, total)


@torch.inference_mode()
def _classify(
    models: Sequence[Classifier], slab: Slab, tiling: Tiling, top: Indexes, left: Indexes, valid: Mask
) -> Floats:
    """Probabilities of each model in the windows that are valid, (S, K, rows, columns); 0 in others."""
    row_N, column_N = np.nonzero(valid)
    windows = _Windows(slab.pixels, top[row_N] - slab.top, left[column_N] - slab.left, tiling, models[0].device)
    found_SNK = torch.zeros((len(models), len(row_N), len(models[0].classes)), device=models[0].device)
    for start in range(0, len(row_N), EVALUATION_BATCH):
        patches_BCHW = windows.batch(start, min(start + EVALUATION_BATCH, len(row_N)))
        for number, model in enumerate(models):
            found_SNK[number, start : start + EVALUATION_BATCH] = model.posterior(patches_BCHW)
    probabilities = np.zeros((len(models), len(models[0].classes), *valid.shape), np.float32)
    probabilities[:, :, row_N, column_N] = found_SNK.permute(0, 2, 1).cpu().numpy()
    return probabilities


class _Windows:
    """Cuts windows out of a slab, as float32: on a GPU there, where the slab is copied to once; else by numpy."""

    def __init__(
        self, pixels: npt.NDArray[Any], row_N: Indexes, column_N: Indexes, tiling: Tiling, device: torch.device
    ) -> None:
        self._pixels, self._row_N, self._column_N = pixels, row_N, column_N
        self._height, self._width = tiling.rows.patch, tiling.columns.patch
        self._there: tuple[Tensor, Tensor, Tensor] | None = None
        if device.type != "cpu":
            bits = torch.from_numpy(pixels.view(np.int16) if pixels.dtype == np.uint16 else pixels).to(device)
            every_window = bits.unfold(1, self._height, 1).unfold(2, self._width, 1)  # (C, row, column, H, W)
            self._there = every_window, torch.from_numpy(row_N).to(device), torch.from_numpy(column_N).to(device)

    def batch(self, begin: int, end: int) -> Tensor:
        """Some windows, (B, C, H, W), in the store's units."""
        if self._there is not None:
            every_window, row_N, column_N = self._there
            return as_float(every_window[:, row_N[begin:end], column_N[begin:end]].transpose(0, 1))
        patches_BCHW = np.empty((end - begin, len(self._pixels), self._height, self._width), np.float32)
        for patch, row, column in zip(patches_BCHW, self._row_N[begin:end], self._column_N[begin:end], strict=True):
            patch[:] = self._pixels[:, row : row + self._height, column : column + self._width]
        return torch.from_numpy(patches_BCHW)
