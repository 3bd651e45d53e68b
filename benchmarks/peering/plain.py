"""A plain PyTorch loop in the manner of timm's train.py: one process, one trial after the other, all cores for each.

python -m peering.plain SPACE STORE RESULTS
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, Dataset

from peering.results import Trained, write
from peering.study import Order, Patches, Task, tasks
from raysat.data.store import PatchStore, Split

Loader = DataLoader[Any]
Criterion = Callable[[Tensor, Tensor], Tensor]
Loss = Callable[[nn.Module, Tensor, Tensor, Criterion], Tensor]


def supervised(network: nn.Module, patches_BCHW: Tensor, labels_B: Tensor, criterion: Criterion) -> Tensor:
    """The loss of a batch that is not augmented."""
    return criterion(network(patches_BCHW), labels_B)


def train(task: Task, patches: dict[Split, Dataset[Any]], loss_of: Loss = supervised) -> Trained:
    """Train a trial, look at val after each epoch, and test it at the end."""
    order, size = Order(task), task.config.optim.batch_size
    loader: Loader = DataLoader(patches["train"], batch_size=size, sampler=order)
    network = task.network()
    optimizer, averaged = task.optimizer(network), task.averaged(network)
    curve = []
    for epoch in range(task.config.optim.epochs):
        order.set_epoch(epoch)
        criterion = task.criterion(epoch)
        network.train()
        total, seen = 0.0, 0
        for inputs, labels_B in loader:
            loss = loss_of(network, inputs, labels_B, criterion)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if averaged is not None and task.averages_steps:
                averaged.update_parameters(network)
            total, seen = total + loss.item() * len(labels_B), seen + len(labels_B)
        if averaged is not None and task.averages_epoch(epoch):
            averaged.update_parameters(network)
        curve.append(total / seen)
        evaluate(network, patches["val"])
    return Trained(
        arm=task.arm,
        seed=task.seed,
        losses=curve,
        balanced_accuracy=evaluate(final(network, averaged, loader), patches["test"]),
    )


def final(network: nn.Module, averaged: AveragedModel | None, loader: Loader) -> nn.Module:
    """What a trial is judged by: its network, or the average with batch norm of its own."""
    if averaged is None:
        return network
    update_bn(loader, averaged)
    return averaged


@torch.inference_mode()
def evaluate(network: nn.Module, patches: Dataset[Any]) -> float:
    """Balanced accuracy of a network on a split."""
    network.eval()
    right: dict[int, list[bool]] = {}
    for patch_BCHW, labels_B in DataLoader(patches, batch_size=256):
        for label, said in zip(labels_B.tolist(), network(patch_BCHW).argmax(dim=1).tolist(), strict=True):
            right.setdefault(label, []).append(label == said)
    return float(np.mean([np.mean(each) for each in right.values()]))


def splits(store: PatchStore) -> dict[Split, Dataset[Any]]:
    """The store's splits, patch by patch."""
    return {"train": Patches(store, "train"), "val": Patches(store, "val"), "test": Patches(store, "test")}


def main() -> None:
    space, store_path, results = map(Path, sys.argv[1:])
    store = PatchStore.open(store_path)
    patches = splits(store)
    write(results, [train(task, patches) for task in tasks(space, store)])


if __name__ == "__main__":
    main()
