"""Builds a trained network anew, once its weights are known to fit: what a file claims of it takes no memory before.

A manifest or a record may come from anybody, and name a network of many billions of weights. So the network is built
on torch's meta device first, where a tensor has a shape alone, and compared with the weights that are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor, nn

from raysat.config.heads import Head
from raysat.config.schema import Network
from raysat.errors import PluginError, TrainingError
from raysat.formatting import echo
from raysat.training.models.build import assemble, build

_MOST_DERIVED: Final = 1 << 27  # values that a network has beside its weights, 1 GB: places of tokens and the like
_OLDER: Final = "they may be of another timm: the record of the trial says which"


def rebuild(
    model: Network,
    weights: Mapping[str, Tensor],
    *,
    bands: int,
    classes: int,
    size: tuple[int, int],
    head: Head = "class_scores",
) -> nn.Module:
    """Return a classifier as ``build`` makes it, with the weights that it was trained to, in training mode.

    Args:
        model: as of ``build``; pretrained weights are not looked for, as they would be replaced.
        weights: its ``state_dict``.
        bands: channels of a patch.
        classes: as of ``build``.
        size: height and width of a patch, pixels.
        head: as of ``build``.

    Raises:
        TrainingError: weights of another network.
        PlanError: as ``build``: timm does not know the model, or it does not take such patches.
        PluginError: as ``build``.
    """
    if model.pretrained:
        model = model.model_copy(update={"pretrained": False})
    if fault := misfit(weight_shapes(model, bands=bands, classes=classes, size=size, head=head), weights):
        raise TrainingError(f"the weights do not fit {model.name}: {fault}", hint=_OLDER)
    network = assemble(model, bands=bands, classes=classes, size=size, head=head)
    try:
        network.load_state_dict(weights)
    except (RuntimeError, TypeError, ValueError) as error:
        cause = " ".join(str(error).split())
        raise TrainingError(f"the weights do not fit {model.name}: {cause}", hint=_OLDER) from None
    return network


def misfit(shapes: Mapping[str, tuple[int, ...]], weights: Mapping[str, Tensor]) -> str:
    """What keeps weights from being those of a network, or nothing.

    Args:
        shapes: of the network's weights, by name.
        weights: that are to become them.
    """
    for name, shape in shapes.items():
        if name not in weights:
            return f"{name} is missing"
        if weights[name].shape != shape:
            return f"{name} is {_size(weights[name].shape)}, not {_size(shape)}"
    other = next((name for name in weights if name not in shapes), None)
    return "" if other is None else f"it has no {echo(other)}"


@lru_cache(maxsize=4)  # the seeds of an arm are one network
def weight_shapes(
    model: Network, *, bands: int, classes: int, size: tuple[int, int], head: Head = "class_scores"
) -> Mapping[str, tuple[int, ...]]:
    """Return the shapes of a network's weights by name, without a weight.

    Args:
        model: as of ``build``, without pretrained weights.
        bands: channels of a patch.
        classes: as of ``build``.
        size: height and width of a patch, pixels.
        head: as of ``build``.

    Raises:
        PlanError: as ``build``.
        PluginError: as ``build``.
        TrainingError: a network that is huge.
    """
    try:
        with torch.device("meta"):
            network = build(model, bands=bands, classes=classes, size=size, head=head)
    except PluginError:
        # Code that needs numbers to make a network with; how large one gets, its settings' bounds say.
        network = build(model, bands=bands, classes=classes, size=size, head=head)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    derived = sum(value.numel() for name, value in network.named_buffers() if name not in shapes)
    if derived > _MOST_DERIVED:
        raise TrainingError(
            f"{model.name} for patches of {size[0]} x {size[1]} pixels has {derived:,} values beside its weights",
            hint="it is not read: nobody trains one",
        )
    return shapes


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one value"
