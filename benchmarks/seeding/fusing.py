"""Fuses networks of one architecture into one network, by grouped convolutions, as HFTA does (Wang et al. 2021).

Channels of the K networks lie one after another: what was (B, C, H, W) is (B, K*C, H, W), so that a convolution of g
groups is one of K*g, and batch norm one over K*C channels. Nothing mixes networks; the gradient of the sum of their
losses holds each one's own.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final, TypeVar, cast

import torch
from timm.layers.adaptive_avgmax_pool import FastAdaptiveAvgPool, SelectAdaptivePool2d
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import Tensor, nn

Layer = TypeVar("Layer", bound=nn.Module)

# What passes tensors from one child to the next, and adds them up, and has no weight of its own.
CONTAINERS: Final = frozenset({nn.Sequential, ResNet, BasicBlock, Bottleneck, SelectAdaptivePool2d})
# What does the same to every channel, whosever it is.
CHANNELWISE: Final = frozenset(
    {
        nn.AdaptiveAvgPool2d,
        nn.AdaptiveMaxPool2d,
        nn.AvgPool2d,
        nn.GELU,
        nn.Hardswish,
        nn.Identity,
        nn.LeakyReLU,
        nn.MaxPool2d,
        nn.ReLU,
        nn.ReLU6,
        nn.SiLU,
        FastAdaptiveAvgPool,
    }
)


def fuse(networks: Sequence[nn.Module]) -> nn.Module:
    """Return one network of (B, K*C, H, W) patches that gives (B, K*O) scores, with the weights of K networks.

    Raises:
        ValueError: networks that are not of one architecture, or have a module that this does not know.
    """
    first = networks[0]
    if len(set(map(str, networks))) != 1:
        raise ValueError("cannot fuse networks of more than one architecture")
    whole = copy.deepcopy(first)
    for place, module in first.named_modules(remove_duplicate=False):
        if not _is_container(module, place):
            whole.set_submodule(place, _fused([network.get_submodule(place) for network in networks], place))
    return whole


class FusedLinear(nn.Module):
    """K linear layers beside each other: (B, K*D) features to (B, K*O), as one batched product of matrices."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight_KDO = nn.Parameter(torch.stack([layer.weight.detach().t() for layer in layers]))
        biases = [torch.zeros_like(layer.weight[:, 0]) if layer.bias is None else layer.bias for layer in layers]
        self.bias_K1O = nn.Parameter(
            torch.stack([bias.detach() for bias in biases])[:, None], requires_grad=layers[0].bias is not None
        )

    def forward(self, features_BD: Tensor) -> Tensor:
        """Return the scores, one network's after another's."""
        features_KBD = features_BD.reshape(len(features_BD), len(self.weight_KDO), -1).transpose(0, 1)
        return torch.baddbmm(self.bias_K1O, features_KBD, self.weight_KDO).transpose(0, 1).flatten(1)


def _is_container(module: nn.Module, place: str) -> bool:
    """Whether a module is to be kept, and its children to be fused. Raises ValueError for one that does more."""
    is_known = type(module) in CONTAINERS and not list(module.parameters(recurse=False))
    if isinstance(module, ResNet) and module.drop_rate:
        raise ValueError("cannot fuse networks with dropout: each would draw other numbers than alone")
    if not is_known and (not place or list(module.children())):
        raise _unknown(module, place)
    return is_known


def _fused(layers: Sequence[nn.Module], place: str) -> nn.Module:
    """Return one layer in place of several of one kind. Raises ValueError for a kind that is not known."""
    first, kind = layers[0], type(layers[0])
    if kind is nn.Conv2d:
        return _joined(_wide_convolution(cast("nn.Conv2d", first), len(layers)), layers)
    if kind is nn.BatchNorm2d:
        return _joined(_wide_batch_norm(cast("nn.BatchNorm2d", first), len(layers)), layers)
    if kind is nn.Linear:
        return FusedLinear([cast("nn.Linear", layer) for layer in layers])
    if kind in CHANNELWISE or (isinstance(first, nn.Flatten) and first.start_dim == 1):
        return copy.deepcopy(first)
    raise _unknown(first, place)


def _wide_convolution(first: nn.Conv2d, count: int) -> nn.Conv2d:
    sizes: dict[str, Any] = {name: getattr(first, name) for name in ("kernel_size", "stride", "padding", "dilation")}
    return nn.Conv2d(
        count * first.in_channels,
        count * first.out_channels,
        groups=count * first.groups,
        bias=first.bias is not None,
        padding_mode=first.padding_mode,
        device=first.weight.device,
        **sizes,
    )


def _wide_batch_norm(first: nn.BatchNorm2d, count: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(
        count * first.num_features,
        first.eps,
        first.momentum,
        affine=first.affine,
        track_running_stats=first.track_running_stats,
        device=next(iter(first.state_dict().values())).device,
    )


@torch.no_grad()
def _joined(whole: Layer, layers: Sequence[nn.Module]) -> Layer:
    """Give a layer the weights and buffers of several, one after another; what counts batches is the same in all."""
    states = [layer.state_dict() for layer in layers]
    for name, value in whole.state_dict().items():
        value.copy_(torch.cat([state[name] for state in states]) if value.dim() else states[0][name])
    return whole.train(layers[0].training)


def _unknown(module: nn.Module, place: str) -> ValueError:
    return ValueError(f"cannot fuse {type(module).__name__} ({place or 'the whole network'}): how is not known here")
