"""Models: any timm classifier on any number of bands, with its linear head or one of cosines; or a plugin's."""

from __future__ import annotations

from typing import Any, assert_never

import timm
import torch
from torch import Tensor, nn

from raysat.config.heads import Head, outputs
from raysat.config.plugins.settings import ModelSettings
from raysat.config.schema import Model, Network
from raysat.errors import PlanError
from raysat.training import weights
from raysat.training.models import dofa
from raysat.training.models.backbone import behind
from raysat.training.models.last_layer import make_cosine, make_ordinal
from raysat.training.models.names import check_name
from raysat.training.models.plugin import assemble_plugin, try_plugin
from raysat.training.models.units import Units

_ADAPTER_LOSS = 3  # pixels that the adapter's convolutions take off each side of a patch


def build(model: Network, *, bands: int, classes: int, size: tuple[int, int], head: Head = "class_scores") -> nn.Module:
    """Return a classifier of (B, bands, H, W) patches that gives (B, K or K - 1) logits, in training mode.

    Initial weights come from torch's global generator: seed it around the call.

    Args:
        model: its name, stem and classifier, and whether its weights are pretrained by timm; those of ``weights`` are
            for ``satellite.py``, which knows the store.
        bands: channels of a patch.
        classes: how many there are.
        size: height and width of a patch, pixels.
        head: what it gives (``heads.head_of`` the loss).

    Raises:
        PlanError: a name that timm does not know, a model that cannot take patches of this size, or one without the
            linear classifier that a cosine or ordinal one would replace.
        PluginError: the function of a plugin's model, or its network, failed or gave what it must not.
        TrainingError: pretrained weights that cannot be had.
    """
    network, scores = assemble(model, bands=bands, classes=classes, size=size, head=head), outputs(head, classes)
    if isinstance(model, ModelSettings):
        try_plugin(network, model, bands=bands, classes=scores, size=size)
    else:
        _try(network, model, bands=bands, classes=scores, size=size)
    return network


def assemble(
    model: Network, *, bands: int, classes: int, size: tuple[int, int], head: Head = "class_scores"
) -> nn.Module:
    """Return what ``build`` returns without a look at whether it takes such patches.

    Args:
        model: as of ``build``.
        bands: channels of a patch.
        classes: as of ``build``.
        size: height and width of a patch, pixels.
        head: as of ``build``.

    Raises:
        PlanError: as ``build``.
        PluginError: as ``build``.
        TrainingError: as ``build``.
    """
    if isinstance(model, ModelSettings):
        return assemble_plugin(model, bands=bands, classes=outputs(head, classes), size=size)
    match model.stem:
        case "native":
            network = backbone = _backbone(model, bands=bands, classes=classes, size=size)
            if model.weights is not None:
                network = behind("units", Units(bands), backbone)
        case "adapter":
            inner = (size[0] - _ADAPTER_LOSS, size[1] - _ADAPTER_LOSS)
            backbone = _backbone(model, bands=3, classes=classes, size=inner)
            network = behind("adapter", adapter(bands), backbone)
        case _:
            assert_never(model.stem)
    if head != "class_scores":
        make_ordinal(backbone, model.name, head)
    # Last, since it draws weights: all others of a seed are those that a linear classifier would have beside it.
    if model.classifier == "cosine":
        make_cosine(backbone, model.name)
    return network


def fetch_pretrained(name: str) -> None:
    """Bring a model's pretrained weights into this machine's cache, unless they are there.

    Raises:
        PlanError: a name that timm does not know, or that it has no weights of.
        TrainingError: weights that cannot be had; within seconds where their host does not answer.
    """
    check_name(name)
    if not weights.is_cached(name):
        try:
            timm.create_model(name, pretrained=True)
        except OSError as error:
            raise weights.unavailable(name, error) from None


def adapter(bands: int) -> nn.Module:
    """Band adapter of Rawal & Pradhan 2020: any number of bands to the three that a usual stem takes."""
    return nn.Sequential(
        nn.ConvTranspose2d(bands, 32, kernel_size=2, stride=1, padding=2, bias=False),
        nn.Conv2d(32, 3, kernel_size=1, bias=False),
        nn.ReLU(),
    )


def _backbone(model: Model, *, bands: int, classes: int, size: tuple[int, int]) -> nn.Module:
    check_name(model.name)
    if model.pretrained:
        weights.is_cached(model.name)
    options: dict[str, Any] = {"pretrained": model.pretrained, "in_chans": bands, "num_classes": classes}
    options |= dofa.options(model)
    try:
        config = timm.models.get_pretrained_cfg(model.name)
        if config is not None and config.fixed_input_size:
            options["img_size"] = size
        network: nn.Module = timm.create_model(model.name, **options)
        if dofa.is_dofa(model):
            dofa.pad_patches(network)
    except OSError as error:
        raise weights.unavailable(model.name, error) from None
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise PlanError(
            f"model {model.name!r} cannot be built for {bands} x {size[0]} x {size[1]} patches: {_first_line(error)}",
            hint="choose another model.name" + (", or set model.pretrained: false" if model.pretrained else ""),
        ) from None
    return network


def _try(network: nn.Module, model: Model, *, bands: int, classes: int, size: tuple[int, int]) -> None:
    """Pass one empty patch through: a model that cannot take the size says so now, not in the first batch."""
    network.eval()
    try:
        with torch.inference_mode():
            logits = network(torch.zeros(1, bands, *size))
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise PlanError(
            f"model {model.name!r} cannot take {bands} x {size[0]} x {size[1]} patches: {_first_line(error)}",
            hint="choose a convolutional model.name such as resnet18, or larger patches",
        ) from None
    if not isinstance(logits, Tensor) or logits.shape != (1, classes):
        raise PlanError(f"model {model.name!r} does not return one score per class", hint="choose another model.name")
    network.train()


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def parameter_count(network: nn.Module) -> int:
    """Number of parameters, fixed ones included."""
    return sum(parameter.numel() for parameter in network.parameters())


def cpu_state(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's weights and buffers on the CPU, in the usual memory layout."""
    return {
        name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }
