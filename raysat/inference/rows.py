"""Which patches of a store models are calibrated and evaluated on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from raysat.data.patch_store import PatchStore
from raysat.errors import UsageError

Rows = npt.NDArray[np.int64]  # positions in a store


def rows_of(store: PatchStore, split: str) -> Rows:
    """Positions of the patches of a split, or of ``all``. Raises UsageError where there is none."""
    rows = np.arange(len(store)) if split == "all" else store.indices(split)  # type: ignore[arg-type]
    if not len(rows):
        raise UsageError(f"{store.path} has no {split} patches", hint="name another {--split}, or all")
    return rows


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
