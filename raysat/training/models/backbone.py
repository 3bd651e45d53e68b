"""Where timm's model is in a network of ``build``: it is the network, or stands behind a layer that bands enter by."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from torch import nn

_NAME: Final = "backbone"


def behind(name: str, before: nn.Module, backbone: nn.Module) -> nn.Sequential:
    """Return a network of a model of timm and what comes before it.

    Args:
        name: of what comes before it.
        before: that layer.
        backbone: timm's model.
    """
    return nn.Sequential(OrderedDict({name: before, _NAME: backbone}))


def backbone_of(network: nn.Module) -> nn.Module:
    """Return timm's model in a network of ``build``; of a plugin's network, the network."""
    return placed_backbone(network)[1]


def placed_backbone(network: nn.Module) -> tuple[str, nn.Module]:
    """Return what the names of timm's parameters begin with in a network of ``build``, and timm's model."""
    found = getattr(network, _NAME, None) if type(network) is nn.Sequential else None
    return (f"{_NAME}.", found) if isinstance(found, nn.Module) else ("", network)
