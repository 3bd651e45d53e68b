"""Models of plugins: built by a function of theirs, tried once, and known by its file and line where one fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch
from torch import Tensor, nn

from raysat.config.plugins.faults import passed_through, plugin_faults
from raysat.config.plugins.settings import ModelSettings
from raysat.config.plugins.use import call, method_of, wrong_result
from raysat.config.schema import Network
from raysat.errors import RaysatError
from raysat.training.device import channels_last

_PATCHES: Final = 2  # of one, torch cannot tell how memory is laid out
# What a device says of itself, whoever's line it meets.
_OF_DEVICE: Final = (torch.OutOfMemoryError, getattr(torch, "AcceleratorError", torch.OutOfMemoryError))


def assemble_plugin(settings: ModelSettings, *, bands: int, classes: int, size: tuple[int, int]) -> nn.Module:
    """Return the network that a plugin makes.

    Args:
        settings: of the model.
        bands: channels of a patch.
        classes: scores to return.
        size: height and width of a patch, pixels.

    Raises:
        PluginError: its function raised something, or returned what is no network with weights to train.
    """
    network = call(settings, bands=bands, classes=classes, size=size)
    if not isinstance(network, nn.Module):
        raise wrong_result(settings, f"returns a {type(network).__name__}, not a torch.nn.Module")
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise wrong_result(settings, "returns a network without a weight to train")
    return network


def try_plugin(network: nn.Module, settings: ModelSettings, *, bands: int, classes: int, size: tuple[int, int]) -> None:
    """Pass empty patches through a plugin's network, laid out in memory as in training; it is left in training mode.

    Args:
        network: of the plugin.
        settings: of the model.
        bands: as of ``assemble_plugin``.
        classes: as of ``assemble_plugin``.
        size: as of ``assemble_plugin``.

    Raises:
        PluginError: it raised something, or gave other than a finite score for each class.
    """
    patches = f"{bands} x {size[0]} x {size[1]} patches"
    network.eval()
    with plugin_faults(method_of(settings).source, f"model: {settings.kind} cannot take {patches}"), torch.no_grad():
        found = network(channels_last(torch.zeros(_PATCHES, bands, *size)))
    if not isinstance(found, Tensor) or found.shape != (_PATCHES, classes):
        what = tuple(found.shape) if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise wrong_result(settings, f"gives {what} of {_PATCHES} {patches}, not scores {(_PATCHES, classes)}")
    if not found.is_floating_point():
        raise wrong_result(settings, f"gives scores of {found.dtype}, not of torch.float32")
    if not found.is_meta and not bool(found.isfinite().all()):
        raise wrong_result(settings, f"gives {found[~found.isfinite()][0].item()} of empty {patches}")
    network.train()


@contextmanager
def network_faults(model: Network) -> Iterator[None]:
    """Turn what a plugin's network raises within into one error that names its line; all else is raised as it is.

    Args:
        model: whose network is used within.

    Yields:
        Nothing.

    Raises:
        PluginError: an error that passed through a line of the plugin.
    """
    source = method_of(model).source if isinstance(model, ModelSettings) else None
    try:
        yield
    except (RaysatError, *_OF_DEVICE):
        raise
    except Exception as error:
        if source is not None and passed_through(error, source):
            with plugin_faults(source, f"model: {model.name}"):
                raise
        raise
