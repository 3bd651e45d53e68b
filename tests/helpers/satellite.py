"""Small files of satellite weights in torchgeo's format, made on the spot, and stores in their units."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn

from raysat.data.sensors import get_sensor
from raysat.data.store import PatchStore, StoreWriter
from raysat.data.weights.about import About, of_torchgeo

S2 = of_torchgeo("ResNet18_Weights.SENTINEL2_ALL_MOCO")
COUNTS = {"train": (12, 8, 6), "val": (4, 3, 2), "test": (4, 3, 2)}


def trained(name: str, bands: int, *, seed: int = 5) -> nn.Module:
    """A network with statistics of batch norm that are not those of a start."""
    torch.manual_seed(seed)
    network = timm.create_model(name, in_chans=bands, num_classes=7)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.5, 1.5)
    return network.eval()


def without_classifier(network: nn.Module, classifier: str = "fc") -> dict[str, Tensor]:
    """What torchgeo's files hold: all but the classifier."""
    return {name: value for name, value in network.state_dict().items() if not name.startswith(f"{classifier}.")}


def save_file(folder: Path, state: Any, *, bands: Sequence[str], name: str = "weights.pth", **about: Any) -> Path:
    """Write weights as torchgeo's files are, and beside them what is said of their bands."""
    path = folder / name
    torch.save(state, path)
    path.with_name(f"{name}.json").write_text(json.dumps({"bands": list(bands), **about}))
    return path


def make_store(
    folder: Path,
    bands: Sequence[str],
    *,
    sensor: str | None = "sentinel2",
    size: int = 32,
    dtype: type = np.uint16,
    level: float = 1500.0,
    counts: dict[str, tuple[int, ...]] = COUNTS,
) -> PatchStore:
    """A store of patches near a level, of classes that differ by it."""
    rng = np.random.default_rng(3)
    with StoreWriter(folder, bands=bands, classes=["a", "b", "c"], sensor=sensor, source={}) as writer:
        for split, numbers in counts.items():
            for label, number in enumerate(numbers):
                for _ in range(number):
                    patch = level * (1 + 0.2 * label) * rng.uniform(0.5, 1.5, size=(len(bands), size, size))
                    writer.add(patch.astype(dtype), label, split)
        return writer.close()


def band_names(sensor: str) -> tuple[str, ...]:
    """Names of all bands of a sensor."""
    return get_sensor(sensor).band_names


def sentinel2(std: float = 10_000.0) -> About:
    """What is said of weights of Sentinel-2's thirteen bands in torchgeo's order."""
    return S2.model_copy(update={"std": (std,)})
