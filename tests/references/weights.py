"""Weights of satellite images on other bands and units, and layer-wise rates, beside computations of others."""

from __future__ import annotations

import math

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
from raysat.training.models.dofa import Generator
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


def _dofa_tensors(features: int, side: int) -> dict[str, np.ndarray]:
    """Random tensors of a generator by the names and shapes of DOFA's files."""
    rng, own = np.random.default_rng(9), "weight_generator.transformer_encoder.layers.0."
    shapes = {
        "weight_generator.weight_tokens": (128, 128), "weight_generator.bias_token": (1, 128),
        f"{own}self_attn.in_proj_weight": (384, 128), f"{own}self_attn.in_proj_bias": (384,),
        f"{own}self_attn.out_proj.weight": (128, 128), f"{own}self_attn.out_proj.bias": (128,),
        f"{own}linear1.weight": (2048, 128), f"{own}linear1.bias": (2048,),
        f"{own}linear2.weight": (128, 2048), f"{own}linear2.bias": (128,),
        f"{own}norm1.weight": (128,), f"{own}norm1.bias": (128,),
        f"{own}norm2.weight": (128,), f"{own}norm2.bias": (128,),
        "weight_generator.fc_weight.weight": (side * side * features, 128),
        "weight_generator.fc_weight.bias": (side * side * features,),
        "weight_generator.fc_bias.weight": (features, 128), "weight_generator.fc_bias.bias": (features,),
        "fclayer.w1.weight": (128, 128), "fclayer.w1.bias": (128,),
        "fclayer.w2.weight": (128, 128), "fclayer.w2.bias": (128,),
    }  # fmt: skip
    return {name: rng.normal(size=shape) * 0.1 for name, shape in shapes.items()}


def _generated(tensors: dict[str, np.ndarray], wavelengths_um: list[float], side: int) -> np.ndarray:
    """DOFA's kernels and bias in NumPy: Xiong et al. 2024, section 3.2, with one post-norm transformer layer."""

    def linear(name: str, values: np.ndarray) -> np.ndarray:
        return values @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def normed(name: str, values: np.ndarray) -> np.ndarray:
        centred = values - values.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
        return centred / deviation * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    angles = np.outer(np.array(wavelengths_um) * 1000, 10_000.0 ** (-np.arange(64) / 64))
    waves = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    waves = waves + np.maximum(linear("fclayer.w2", np.maximum(linear("fclayer.w1", waves), 0)), 0)
    own = "weight_generator.transformer_encoder.layers.0"
    tokens = np.concatenate([tensors["weight_generator.weight_tokens"], waves, tensors["weight_generator.bias_token"]])
    inner = tokens @ tensors[f"{own}.self_attn.in_proj_weight"].T + tensors[f"{own}.self_attn.in_proj_bias"]
    query, key, value = (part.reshape(len(tokens), 4, 32).transpose(1, 0, 2) for part in np.split(inner, 3, axis=1))
    scores = query @ key.transpose(0, 2, 1) / np.sqrt(32)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    heads = (scores / scores.sum(axis=-1, keepdims=True)) @ value
    attended = linear(f"{own}.self_attn.out_proj", heads.transpose(1, 0, 2).reshape(len(tokens), 128))
    tokens = normed(f"{own}.norm1", tokens + attended)
    hidden = linear(f"{own}.linear1", tokens)
    hidden = hidden * 0.5 * (1 + np.vectorize(math.erf)(hidden / np.sqrt(2)))
    tokens = normed(f"{own}.norm2", tokens + linear(f"{own}.linear2", hidden))
    kernels = 0.01 * linear("weight_generator.fc_weight", tokens[128:-1] + waves)
    bias = 0.01 * linear("weight_generator.fc_bias", tokens[-1])
    kernels = kernels.reshape(len(waves), side, side, -1).transpose(3, 0, 1, 2)
    return np.concatenate([kernels.ravel(), bias])


@compared("model.weights", by="DOFA's generator in NumPy, Xiong et al. 2024", within=1e-5)
def _dofa() -> Pair:
    tensors, wavelengths = _dofa_tensors(6, 4), [0.443, 0.865, 2.2]
    generator = Generator(6, 4)
    generator.load_state_dict({name: torch.tensor(value, dtype=torch.float32) for name, value in tensors.items()})
    kernels, bias = generator(wavelengths)
    return torch.cat([kernels.flatten(), bias]), _generated(tensors, wavelengths, 4)
