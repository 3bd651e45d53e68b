"""Scenes as files, and arms with random weights, which tell patches apart as well as trained ones for most tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import torch
from rasterio.transform import Affine, from_origin

from raysat.config.schema import Config
from raysat.data.model_inputs import ModelInputs
from raysat.data.stats import BandStats
from raysat.inference.classifier import Classifier
from raysat.inference.load import TrainedArm
from raysat.training.models.build import build

BANDS = ("B02", "B03", "B04")
CLASSES = ("a", "b", "c")
NORTH_UP = from_origin(500_000, 5_000_000, 10, 10)


def random_arm(*, patch: int = 16, models: int = 2, dtype: str = "uint16", **inputs: Any) -> TrainedArm:
    """An arm of test_resnet; ``inputs`` are more of ``ModelInputs``."""
    bands = inputs.pop("bands", BANDS)
    stats = tuple(BandStats(mean=1000.6 + 100 * band, std=300.0, low=100.0, high=3000.0) for band in range(len(bands)))
    takes = ModelInputs(
        **{"bands": bands, "sensor": "sentinel2", "height": patch, "width": patch, "dtype": dtype, "stats": stats}
        | inputs
    )
    config = Config.model_validate({"model": {"name": "test_resnet", "pretrained": False}})
    classifiers = []
    for seed in range(models):
        torch.manual_seed(seed)
        network = build(config.model, bands=len(bands), classes=len(CLASSES), size=(patch, patch))
        weights = {name: value * 3 if value.ndim == 2 else value for name, value in network.state_dict().items()}
        classifiers.append(Classifier.restore(config, takes, CLASSES, weights, torch.device("cpu")))
    return TrainedArm(
        name="arm", seeds=tuple(range(models)), trials=tuple("0" * 16 for _ in range(models)), models=tuple(classifiers)
    )


def random_pixels(height: int, width: int, *, bands: int = len(BANDS), seed: int = 0) -> npt.NDArray[np.uint16]:
    """Blotches of ground with noise, (C, H, W)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(300, 2500, (bands, height // 8 + 1, width // 8 + 1))
    ground = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return (ground + rng.integers(0, 60, ground.shape)).astype(np.uint16)


def write_scene(
    path: Path,
    pixels: npt.NDArray[Any],
    *,
    bands: Sequence[str] | None = BANDS,
    transform: Affine = NORTH_UP,
    crs: str | None = "EPSG:32632",
    **options: Any,
) -> Path:
    """Write a GeoTIFF; without ``bands`` it does not name them."""
    count, height, width = pixels.shape
    shape = {"count": count, "height": height, "width": width, "dtype": pixels.dtype}
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, **shape, **options) as file:
        file.write(pixels)
        if bands is not None:
            file.descriptions = tuple(bands)
    return path
