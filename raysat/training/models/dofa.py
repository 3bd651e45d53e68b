"""DOFA (Xiong et al. 2024, "Neural plasticity-inspired foundation model"): a ViT for whatever bands, by wavelength.

A small transformer generates the first layer from the wavelengths of the bands. These do not change in a training, so
it is asked once, when the weights are read, and what it gives is the first layer of timm's ViT. Training moves these
kernels, and not what generated them. Beside timm's, DOFA's ViT pads patches by a pixel and averages its tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from raysat.config.schema import Model
from raysat.data.weights.about import PREFIX

_WIDTH: Final = 128  # of what is known of a wavelength
_TOKENS: Final = 128  # that the generator brings itself
_HEADS: Final = 4
_SCALE: Final = 0.01  # of what it generates
_PLACE: Final = "patch_embed."


def is_dofa(model: Model) -> bool:
    """Whether a model starts from DOFA's weights, and so is its ViT."""
    return model.weights is not None and model.weights.startswith(f"{PREFIX}DOFA")


def options(model: Model) -> dict[str, Any]:
    """What timm's ViT is made with to be DOFA's; nothing for other models."""
    return {"global_pool": "avg"} if is_dofa(model) else {}


def pad_patches(network: nn.Module) -> None:
    """Let a ViT's first layer pad by one pixel, as DOFA's does."""
    network.get_submodule("patch_embed.proj").padding = (1, 1)  # type: ignore[assignment]


class _Residual(nn.Module):
    """Two layers, added to what they are given."""

    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Linear(_WIDTH, _WIDTH), nn.Linear(_WIDTH, _WIDTH)

    def forward(self, waves_CD: Tensor) -> Tensor:
        sum_CD: Tensor = waves_CD + self.w2(self.w1(waves_CD).relu()).relu()
        return sum_CD


class _Tokens(nn.Module):
    """A transformer over tokens of its own, the bands' and one for the bias."""

    def __init__(self, features: int, side: int) -> None:
        super().__init__()
        encoder = nn.TransformerEncoderLayer(_WIDTH, _HEADS, activation="gelu", dropout=0.0)
        self.transformer_encoder = nn.TransformerEncoder(encoder, 1, enable_nested_tensor=False)
        self.fc_weight = nn.Linear(_WIDTH, side * side * features)
        self.fc_bias = nn.Linear(_WIDTH, features)
        self.weight_tokens = nn.Parameter(torch.empty(_TOKENS, _WIDTH))
        self.bias_token = nn.Parameter(torch.empty(1, _WIDTH))

    def forward(self, waves_CD: Tensor) -> tuple[Tensor, Tensor]:
        # one sequence, which is no batch
        found = self.transformer_encoder(torch.cat([self.weight_tokens, waves_CD, self.bias_token]))
        return self.fc_weight(found[_TOKENS:-1] + waves_CD), self.fc_bias(found[-1])


class Generator(nn.Module):
    """Makes a first layer from wavelengths; its parameters are called as in DOFA's files."""

    def __init__(self, features: int, side: int) -> None:
        """Lay out the parameters.

        Args:
            features: that the first layer gives.
            side: of its kernels, pixels.
        """
        super().__init__()
        self._shape = (side, side, features)
        self.weight_generator, self.fclayer = _Tokens(features, side), _Residual()

    @torch.no_grad()
    def forward(self, wavelengths_um: Sequence[float]) -> tuple[Tensor, Tensor]:
        """Return the kernels (features, bands, side, side) and the bias (features) of bands."""
        waves_CD = self.fclayer(_positions(torch.tensor(wavelengths_um, dtype=torch.float32) * 1000))  # nanometres
        kernels, bias = self.weight_generator(waves_CD)
        return kernels.unflatten(1, self._shape).permute(3, 0, 1, 2) * _SCALE, bias * _SCALE


def _positions(values_C: Tensor) -> Tensor:
    """Sines, then cosines, of values at 64 frequencies, from 1 to 1/10,000 (Vaswani et al. 2017)."""
    frequencies = 10_000.0 ** -(torch.arange(_WIDTH // 2, dtype=torch.float32) / (_WIDTH / 2))
    angles = values_C[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def with_first_layer(
    found: Mapping[str, Tensor], network: nn.Module, wavelengths_um: Sequence[float]
) -> dict[str, Tensor]:
    """Return tensors of DOFA's file as those of timm's ViT: what generates the first layer becomes it.

    Args:
        found: the file's tensors.
        network: the ViT that they are for.
        wavelengths_um: of the bands that it gets.

    Raises:
        ValueError: a file that lacks a tensor of the generator, or has one of another shape.
    """
    weight = network.get_parameter("patch_embed.proj.weight")
    generator = Generator(weight.shape[0], weight.shape[2])
    names = generator.state_dict()
    for name, value in names.items():
        if (given := found.get(_PLACE + name)) is None or given.shape != value.shape:
            raise ValueError(f"{_PLACE}{name} is missing or of another shape")
    generator.load_state_dict({name: found[_PLACE + name] for name in names})
    kernels, bias = generator(wavelengths_um)
    rest = {name: value for name, value in found.items() if name.removeprefix(_PLACE) not in names}
    return rest | {"patch_embed.proj.weight": kernels, "patch_embed.proj.bias": bias}
