"""What each augmentation costs beside none: processor time of steps of ResNet-18 on one CPU core.

    python benchmarks/augmentations.py

Patches of 65 x 65 pixels in 11 bands, as droughtwatch's, in batches of 16. Every augmentation takes a step in turn,
nine times; medians are printed. Processor time is nearly the same on a machine that has other things to do.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from raysat.config.schema import Config, Trial, variants
from raysat.data.store import PatchStore, StoreWriter
from raysat.training.engine import Engine

ROUNDS, BATCH, BANDS, SIDE = 9, 16, 11, 65


def main() -> None:
    torch.set_num_threads(1)
    kinds: list[dict[str, Any]] = [{"kind": kind} for kind in variants("augment")]
    kinds += [{"kind": "augmix", "jsd": False}, {"kind": "spectral_jitter", "noise": 0.0}]
    with tempfile.TemporaryDirectory() as folder:
        store = patches(Path(folder) / "store")
        engines = {" ".join(f"{key}={value}" for key, value in kind.items()): engine(kind, store) for kind in kinds}
        seconds: dict[str, list[float]] = {name: [] for name in engines}
        for each in engines.values():
            each.try_steps(1)
        for _ in range(ROUNDS):
            for name, each in engines.items():
                began = time.process_time()
                count = each.try_steps(1)
                seconds[name].append((time.process_time() - began) / count)
    plain = statistics.median(seconds["kind=none"])
    for name, times in seconds.items():
        median = statistics.median(times)
        spread = f"{1 / max(times):.1f} to {1 / min(times):.1f}"
        print(f"{name:32} {1 / median:6.1f} images/s ({spread}), {100 * (median / plain - 1):+6.1f} %")


def patches(path: Path) -> PatchStore:
    """Random patches of three classes."""
    rng, bands = np.random.default_rng(0), tuple(f"B{number + 1}" for number in range(BANDS))
    with StoreWriter(path, bands=bands, classes=("a", "b", "c"), sensor=None, source={}) as writer:
        for number in range(200):
            pixels = rng.integers(0, 256, (BANDS, SIDE, SIDE), dtype=np.uint8)
            writer.add(pixels, number % 3 if number % 2 else 0, "train" if number < 180 else "val")
        return writer.close()


def engine(augment: dict[str, Any], store: PatchStore) -> Engine:
    """What takes the steps."""
    parts = {"model": {"name": "resnet18"}, "optim": {"kind": "adam", "batch_size": BATCH}, "augment": augment}
    return Engine(Trial(config=Config.model_validate(parts), seed=0), store, torch.device("cpu"))


if __name__ == "__main__":
    main()
