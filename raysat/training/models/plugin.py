"""Models of plugins: built by a function of theirs, tried once, and known by its file and line where one fails."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
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

    They pass through a copy in training mode, too, as that may move statistics and draw numbers: the network's weights
    and buffers and torch's generator stay as they are after evaluation.

    Args:
        network: of the plugin.
        settings: of the model.
        bands: as of ``assemble_plugin``.
        classes: as of ``assemble_plugin``.
        size: as of ``assemble_plugin``.

    Raises:
        PluginError: it raised something, or gave other than a score for each class, in evaluation a finite one.
    """
    source, shape = method_of(settings).source, f"{bands} x {size[0]} x {size[1]} patches"
    patches = channels_last(torch.zeros(_PATCHES, bands, *size))
    network.eval()
    with plugin_faults(source, f"model: {settings.kind} cannot take {shape}"), torch.no_grad():
        found = network(patches)
    check_scores(settings, found, patches.shape, classes=classes)
    if not found.is_meta and not bool(found.isfinite().all()):
        raise wrong_result(settings, f"gives {found[~found.isfinite()][0].item()} of empty {shape}")
    network.train()
    with torch.random.fork_rng(devices=[]):
        try:
            copied = copy.deepcopy(network)
        except Exception:  # noqa: BLE001  (steps look at what it gives, too)
            return
        with plugin_faults(source, f"model: {settings.kind} cannot train on {shape}"), torch.enable_grad():
            found = copied(torch.zeros_like(patches))
    check_scores(settings, found, patches.shape, classes=classes, training=True)


def check_scores(model: Network, found: object, shape: Sequence[int], *, classes: int, training: bool = False) -> None:
    """Look at what a plugin's network gave of patches, at no number of it: anything may come of some batches alone.

    Args:
        model: whose network it was; what one of timm gives is known.
        found: what it gave.
        shape: of the patches.
        classes: scores of a patch that are wanted.
        training: whether the network was in training mode.

    Raises:
        PluginError: it is no tensor of a score for each class of each patch.
    """
    if not isinstance(model, ModelSettings):
        return
    when = " in training" if training else ""
    if not isinstance(found, Tensor) or found.shape != (shape[0], classes):
        what = str(tuple(found.shape)) if isinstance(found, Tensor) else f"a {type(found).__name__}"
        patches = f"{shape[0]} {shape[1]} x {shape[2]} x {shape[3]} patches"
        raise wrong_result(model, f"gives {what} of {patches}{when}, not scores {(shape[0], classes)}")
    if not found.is_floating_point():
        raise wrong_result(model, f"gives scores of {found.dtype}{when}, not of torch.float32")


@contextmanager
def network_faults(model: Network) -> Iterator[None]:
    """Turn what a plugin's network raises within into one error that names its line; all else is raised as it is.

    Args:
        model: whose network is used within.

    Yields:
        Nothing.

    Raises:
        PluginError: an error that passed through a line of the plugin, or its wish to end the process.
    """
    source = method_of(model).source if isinstance(model, ModelSettings) else None
    try:
        yield
    except (RaysatError, *_OF_DEVICE):
        raise
    except (Exception, SystemExit) as error:
        if source is not None and passed_through(error, source):
            with plugin_faults(source, f"model: {model.name}"):
                raise
        raise
