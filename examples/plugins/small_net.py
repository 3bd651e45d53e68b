"""A model in 20 lines: a few convolutions, for patches that are small and few."""

from typing import Literal

from pydantic import Field
from torch import nn

from raysat.extend import ModelSettings, model


class SmallNet(ModelSettings):
    """Convolutions that halve the patch and double the channels, then their mean over the patch.

    Use: small patches, or few of them, that a network of millions of weights learns by heart.
    Cost: at width 16 a hundredth of ResNet-18.
    """

    kind: Literal["small_net"] = "small_net"
    width: int = Field(default=16, ge=1, le=1024, description="Channels of the first convolution.")
    depth: int = Field(default=2, ge=1, le=5, description="Convolutions, each with twice the channels of the last.")


@model(SmallNet)
def small_net(settings, *, bands, classes, size):
    """Return a network of patches (B, bands, H, W) to scores (B, classes)."""
    layers, channels = [], bands
    for width in (settings.width * 2**level for level in range(settings.depth)):
        layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
