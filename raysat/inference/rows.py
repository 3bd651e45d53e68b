"""Which patches of a store models are calibrated and evaluated on, and which of their pixels are nodata."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from raysat.data.patch_store import PatchStore
from raysat.errors import UsageError

Rows = npt.NDArray[np.int64]  # positions in a store


def rows_of(store: PatchStore, split: str) -> Rows:
    """Positions of the patches of a split, or of ``all``. Raises UsageError where there is none."""
    rows = np.arange(len(store)) if split == "all" else store.indices(split)  # type: ignore[arg-type]
    if not len(rows):
        raise UsageError(f"{store.path} has no {split} patches", hint="name another {--split}, or all")
    return rows


def nodata_of(store: PatchStore, rows: Rows, bands: Sequence[str]) -> torch.Tensor | None:
    """Return where patches are nodata, (B, C, H, W) on the CPU; None where the store has none in these bands.

    Args:
        store: of the patches.
        rows: (B,) their positions.
        bands: C of its bands, by name.

    Raises:
        StoreError: the file that says it is missing or damaged.
    """
    places = [store.bands.index(band) for band in bands]
    if not store.nodata or not any(store.nodata[place] for place in places):
        return None
    return torch.from_numpy(np.stack([store.missing(rows, place) for place in places], axis=1))


def calibration_rows(store: PatchStore, reported: Rows) -> tuple[Rows, Rows, bool]:
    """Return the patches to calibrate on, those to evaluate on, and whether they are halves of one split.

    The val split is for the first, and what is reported for the second. Where val is what is reported, as of a store
    without test patches, every second patch of each class is for either.

    Raises UsageError where there is no val split, or too few patches to be halved.
    """
    held_out = store.indices("val")
    if not len(held_out):
        raise UsageError(f"{store.path} has no val patches to calibrate on", hint="import it with a val split")
    if not np.array_equal(np.sort(reported), held_out):
        return held_out, reported, False
    by_class = held_out[np.argsort(store.labels[held_out], kind="stable")]
    if len(by_class) < 2:
        raise UsageError(f"{store.path} has one patch alone to calibrate on and to evaluate", hint="add patches to it")
    return np.sort(by_class[::2]), np.sort(by_class[1::2]), True
