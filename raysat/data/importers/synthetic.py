"""Make a store of synthetic patches (see ``synthetic_scenes.py``), and the demo store, the embedded default data."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import numpy as np

from raysat.data.importers.base import ImportSummary, Progress, no_progress
from raysat.data.importers.droughtwatch import CLASSES, SENSOR
from raysat.data.patch_store import SYNTHETIC
from raysat.data.remote.cache import filling_cache
from raysat.data.sensors import SENSORS
from raysat.data.splits import stratified
from raysat.data.store import PatchStore, StoreWriter
from raysat.errors import DataError, StoreError
from raysat.files import cache_folder

GENERATOR: Final = 1  # version of the generator: another one makes another demo store
DEMO_SIZE: Final = 1024
# 448 train, 64 val, 512 test patches: differences between arms are told by test patches more than by training ones, and
# testing is cheap.
DEMO_VAL: Final = 1 / 16
DEMO_TEST: Final = 1 / 2
_BATCH: Final = 64


def synthesize(
    out: Path,
    *,
    size: int,
    seed: int = 0,
    val: float = 0.1,
    test: float = 0.2,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> ImportSummary:
    """Make and return a store of (11, 65, 65) uint8 patches; the same size, seed and shares give the same store.

    Args:
        out: the store to write.
        size: number of patches.
        seed: decides every random number.
        val: share of every class in the val split.
        test: share of every class in the test split.
        overwrite: replace a store at ``out``.
        progress: called with the patches made so far and in all.

    Raises:
        DataError: the store cannot be written.
    """
    from raysat.data.importers.synthetic_scenes import draw_labels, render  # noqa: PLC0415  (scipy, which opening a store does not need)

    started = time.perf_counter()
    labels = draw_labels(size, np.random.default_rng([seed, 0]))
    splits = stratified(labels, val=val, test=test)
    with StoreWriter(
        out,
        bands=SENSORS[SENSOR].band_names,
        classes=CLASSES,
        sensor=SENSOR,
        source={"kind": SYNTHETIC, "generator": GENERATOR, "size": size, "seed": seed},
        ordinal=True,
        overwrite=overwrite,
    ) as writer:
        for start in range(0, size, _BATCH):
            batch = labels[start : start + _BATCH]
            for patch, label in zip(render(batch, np.random.default_rng([seed, 1, start])), batch, strict=True):
                writer.add(patch, int(label), splits[len(writer)])
            progress(len(writer), size)
        store = writer.close()
    return ImportSummary(
        store=store,
        origin=f"seed {seed}",
        unit="patches",
        verb="made with",
        read_counts=tuple(np.bincount(labels, minlength=len(CLASSES)).tolist()),
        dropped={},
        notes=(),
        seconds=time.perf_counter() - started,
    )


def demo_store() -> Path:
    """Return the path of the demo store, making it in the user's cache on first use (some seconds).

    Two processes may do so at once: the store is renamed into place whole, and the later one takes the earlier one's.

    Raises:
        DiskError: the cache cannot be written; the hint says how to name another one.
    """
    path = cache_folder() / f"demo-v{GENERATOR}-{DEMO_SIZE}"
    if not _opens(path):
        try:
            with filling_cache(path.parent):
                synthesize(path, size=DEMO_SIZE, val=DEMO_VAL, test=DEMO_TEST, overwrite=(path / "store.json").exists())
        except DataError:
            if not _opens(path):
                raise
    return path


def _opens(path: Path) -> bool:
    try:
        PatchStore.open(path)
    except StoreError:
        return False
    return True
