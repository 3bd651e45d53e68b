"""Small synthetic stores, written through StoreWriter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raysat.data.store import PatchStore, StoreWriter
from tests.helpers.training import MakeStore


@pytest.fixture
def make_store(tmp_path: Path) -> MakeStore:
    """Make a store whose classes differ by their mean level in each band, hidden in noise."""

    def make(
        counts: dict[str, Sequence[int]] | None = None,
        *,
        bands: Sequence[str] = ("B6", "B5", "B2"),
        size: int = 16,
        dtype: str = "uint8",
        classes: int = 3,
        signal: float = 0.6,
        seed: int = 0,
        name: str = "store",
        generated: bool = False,
    ) -> PatchStore:
        counts = counts or {"train": (24, 12, 6), "val": (8, 6, 4), "test": (8, 6, 4)}
        rng = np.random.default_rng(seed)
        level = rng.normal(size=(classes, len(bands), 1, 1)) * signal
        named = [f"class{k}" for k in range(classes)]
        options = {"bands": bands, "classes": named, "sensor": None, "source": {}, "generated": generated}
        with StoreWriter(tmp_path / name, **options) as writer:
            for split, numbers in counts.items():
                for label, number in enumerate(numbers):
                    for _ in range(number):
                        patch = level[label] + rng.normal(size=(len(bands), size, size))
                        writer.add(_quantise(patch, dtype), label, split)
            return writer.close()

    return make


def _quantise(patch: np.ndarray[Any, Any], dtype: str) -> np.ndarray[Any, Any]:
    match dtype:
        case "uint8":
            return np.clip(patch * 25 + 127, 0, 255).astype(np.uint8)
        case "uint16":
            return np.clip(patch * 5000 + 40000, 0, 65535).astype(np.uint16)  # beyond what int16 holds
        case _:
            return patch.astype(np.float32)
