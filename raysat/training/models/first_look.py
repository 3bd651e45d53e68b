"""Looks at a plugin's model before a run starts: at its shapes, and at what it computes where it is small enough."""

from __future__ import annotations

import math
from typing import Final

import torch

from raysat.config.heads import Head
from raysat.config.plugins.settings import ModelSettings
from raysat.training.models.build import build
from raysat.training.models.rebuild import weight_shapes

_MOST: Final = 10**8  # weights and buffers of a network that is made only to be looked at: 400 MB, for some seconds


def look_at(
    model: ModelSettings, *, bands: int, classes: int, size: tuple[int, int], head: Head = "class_scores"
) -> None:
    """Make a plugin's network without numbers, and then with them unless it is large; torch's generator stays.

    Args:
        model: its settings.
        bands: channels of a patch.
        classes: as of ``build``.
        size: height and width of a patch, pixels.
        head: as of ``build``.

    Raises:
        PluginError: as ``build``; of a large one that takes no look at numbers, such as whether scores are finite.
        TrainingError: as ``weight_shapes``.
    """
    shapes = weight_shapes(model, bands=bands, classes=classes, size=size, head=head)
    if sum(map(math.prod, shapes.values())) <= _MOST:
        with torch.random.fork_rng(devices=[]):
            build(model, bands=bands, classes=classes, size=size, head=head)
