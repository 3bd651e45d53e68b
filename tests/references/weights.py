"""Weights of satellite images on other bands and units, and layer-wise rates, beside computations of others."""

from __future__ import annotations

import numpy as np
import timm
import timm.optim
import torch
import torch.nn.functional as F
from timm.models import adapt_input_conv

from raysat.config.schema import Model
from raysat.data.stats import BandStats
from raysat.data.weights.about import About
from raysat.data.weights.fit import map_bands, units
from raysat.training.models.layers import rate_factors
from raysat.training.models.satellite import map_kernels
from raysat.training.models.units import Units
from raysat.training.patches import Scale
from tests.references.registry import Pair, compared

LANDSAT = ("B10", "B5", "B2", "B4")  # thermal, near infrared, blue, red
ABOUT = About(
    bands=("B2", "B3", "B4", "B8", "B8a"),
    sensor="sentinel2",
    mean=(1300.0, 1200.0, 1100.0, 2300.0, 2400.0),
    std=(900.0, 800.0, 1100.0, 1200.0, 1300.0),
)


def _layer(raw: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """What the first layer gives of a store's patches, by raysat."""
    found = map_bands(ABOUT, bands=LANDSAT, sensor="landsat8")
    stats = [
        BandStats(mean=float(band.mean()), std=float(band.std(correction=0)), low=0, high=1) for band in raw.unbind(1)
    ]
    scale = Scale.from_stats(stats, torch.device("cpu"))
    layer = Units(len(LANDSAT))
    mean, std = scale.mean.flatten().tolist(), scale.std.flatten().tolist()
    layer.set(*(each.tolist() for each in units(ABOUT, found.sources, mean=mean, std=std, scale=10_000.0)))
    return F.conv2d(layer(scale.normalise(raw)), map_kernels(kernels, found), padding=3)


@compared("model.weights", by="the rule written anew in NumPy, with zero padding", within=2e-4)
def _first_layer() -> Pair:
    rng = np.random.default_rng(11)
    raw, kernels = rng.uniform(0.01, 0.5, size=(3, 4, 12, 12)), rng.normal(size=(6, 5, 7, 7)) * 0.1
    seen, taken = np.empty_like(raw), {1: 4, 2: 0, 3: 2}  # 0.865 is B8a, 0.482 is B2, 0.655 is B4
    for ours, theirs in taken.items():
        seen[:, ours] = (10_000 * raw[:, ours] - ABOUT.mean[theirs]) / ABOUT.std[theirs]
    standardised = (raw[:, 0] - raw[:, 0].mean()) / raw[:, 0].std()
    spread = np.mean([seen[:, ours].std() for ours in taken])
    seen[:, 0] = standardised * spread + np.mean([seen[:, ours].mean() for ours in taken])
    padded = np.pad(seen, ((0, 0), (0, 0), (3, 3), (3, 3)))
    expected = np.zeros((3, 6, 12, 12))
    for ours in range(4):
        kernel = kernels[:, taken[ours]] if ours in taken else kernels.mean(axis=1)
        for row in range(7):
            for column in range(7):
                window = padded[:, ours, row : row + 12, column : column + 12]
                expected += kernel[None, :, row, column, None, None] * window[:, None] * 5 / 4
    ours = _layer(torch.tensor(raw, dtype=torch.float32), torch.tensor(kernels, dtype=torch.float32))
    return ours, expected


@compared("model.weights", by="timm's adapt_input_conv, colours three times over", within=1e-6)
def _repeated() -> Pair:
    kernels = torch.tensor(np.random.default_rng(2).normal(size=(4, 3, 5, 5)), dtype=torch.float32)
    about = About(bands=("r", "g", "b"), wavelengths_um=(0.66, 0.56, 0.48))
    found = map_bands(about, bands=("R", "G", "B"), sensor="naip")
    nine = type(found)(sources=found.sources * 3, factor=len(about.bands) / 9)
    return map_kernels(kernels, nine), adapt_input_conv(9, kernels)


def _decay(name: str, decay: float) -> Pair:
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=3)
    ours = rate_factors(network, Model(name=name, layer_decay=decay))
    assert ours is not None
    groups = timm.optim.param_groups_layer_decay(network, layer_decay=decay)
    theirs = {id(parameter): group["lr_scale"] for group in groups for parameter in group["params"]}
    named = list(network.named_parameters())
    return [ours[n] for n, _ in named], [theirs[id(parameter)] for _, parameter in named]


@compared("model.layer_decay", by="timm's param_groups_layer_decay, ResNet-18", within=1e-12)
def _decay_of_a_resnet() -> Pair:
    return _decay("resnet18", 0.75)


@compared("model.layer_decay", by="timm's param_groups_layer_decay, ViT-Small", within=1e-12)
def _decay_of_a_vit() -> Pair:
    return _decay("vit_small_patch16_224", 0.65)
