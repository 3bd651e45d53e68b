"""Makes the cells of a map: windows of a scene classified by the models of an arm, and averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from raysat.data.scenes.scene import Scene
from raysat.inference.classifier import Classifier
from raysat.inference.maps.cells import CellRows, Floats, Mask, SwathCells
from raysat.inference.maps.reading import Region, Slab, slabs, swath_width
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
    device = models[0].device
    row_N, column_N = np.nonzero(valid)
    first_row = torch.from_numpy(top - slab.top)[torch.from_numpy(row_N)].to(device)
    first_column = torch.from_numpy(left - slab.left)[torch.from_numpy(column_N)].to(device)
    bits = slab.pixels.view(np.int16) if slab.pixels.dtype == np.uint16 else slab.pixels
    pixels_CHW = torch.from_numpy(bits).to(device)
    every_window = pixels_CHW.unfold(1, tiling.rows.patch, 1).unfold(2, tiling.columns.patch, 1)  # (C, y, x, H, W)
    found_SNK = torch.zeros((len(models), len(row_N), len(models[0].classes)), device=device)
    for start in range(0, len(row_N), EVALUATION_BATCH):
        batch = slice(start, start + EVALUATION_BATCH)
        patches_CBHW = every_window[:, first_row[batch], first_column[batch]]
        patches_BCHW = as_float(patches_CBHW.transpose(0, 1))
        for number, model in enumerate(models):
            found_SNK[number, batch] = model.posterior(patches_BCHW)
    probabilities = np.zeros((len(models), len(models[0].classes), *valid.shape), np.float32)
    probabilities[:, :, row_N, column_N] = found_SNK.permute(0, 2, 1).cpu().numpy()
    return probabilities
