"""The way of the paper's published code: one file a sample, read by ``np.load`` each time; AugMix by Pillow; float32.

python -m peering.authors SPACE STORE RESULTS
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from peering import pillow_augmix, plain
from peering.results import write
from peering.study import Patches, tasks
from raysat.config.families.images import AugMix
from raysat.data.store import PatchStore
from raysat.training import losses


class Files(Dataset[tuple[Tensor, int]]):
    """The train split as a file a patch; with AugMix three views of each, (3, C, H, W)."""

    def __init__(self, patches: Patches, folder: Path, augment: AugMix | None) -> None:
        self._patches, self._folder, self._augment = patches, folder, augment
        self._rng = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self._patches)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        patch_CHW = np.load(self._folder / f"{position}.npy")
        label = int(self._patches.labels[position])
        if self._augment is None:
            return self._patches.normalise(patch_CHW), label
        views = [patch_CHW, *(pillow_augmix.view(patch_CHW, self._rng) for _ in range(2))]
        return torch.stack([self._patches.normalise(view) for view in views]), label


def consistent(network: nn.Module, views: Tensor, labels_B: Tensor, criterion: plain.Criterion) -> Tensor:
    """The loss of a batch of views (B, 3, C, H, W): of the first, and of how the three disagree."""
    logits_VBK = network(views.transpose(0, 1).flatten(0, 1)).unflatten(0, (views.shape[1], -1))
    return criterion(logits_VBK[0], labels_B) + 12 * losses.jensen_shannon(logits_VBK).mean()


def main() -> None:
    space, store_path, results = map(Path, sys.argv[1:])
    store = PatchStore.open(store_path)
    patches: dict[Any, Dataset[Any]] = {**plain.splits(store)}
    train = Patches(store, "train")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for position, index in enumerate(store.indices("train")):
            np.save(Path(folder, f"{position}.npy"), store.images[index])
        for task in tasks(space, store):
            augment = task.config.augment if isinstance(task.config.augment, AugMix) else None
            patches["train"] = Files(train, Path(folder), augment)
            found.append(plain.train(task, patches, plain.supervised if augment is None else consistent))
    write(results, found)


if __name__ == "__main__":
    main()
