"""Models: any timm classifier on any number of bands, with its linear head or one of cosines; or a plugin's."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, assert_never

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raysat.config.plugins.settings import ModelSettings
from raysat.config.schema import Model, Network
from raysat.errors import PlanError
from raysat.training import weights
from raysat.training.models import dofa
from raysat.training.models.names import check_name
from raysat.training.models.plugin import assemble_plugin, try_plugin
from raysat.training.models.units import Units

_ADAPTER_LOSS = 3  # pixels that the adapter's convolutions take off each side of a patch


def build(model: Network, *, bands: int, classes: int, size: tuple[int, int]) -> nn.Module:
    """Return a classifier of (B, bands, H, W) patches that gives (B, classes) logits, in training mode.

    Initial weights come from torch's global generator: seed it around the call.

    Args:
        model: its name, stem and classifier, and whether its weights are pretrained by timm; those of ``weights`` are
            for ``satellite.py``, which knows the store.
        bands: channels of a patch.
        classes: scores to return.
        size: height and width of a patch, pixels.

    Raises:
        PlanError: a name that timm does not know, a model that cannot take patches of this size, or one without the
            linear classifier that a cosine one would replace.
        PluginError: the function of a plugin's model, or its network, failed or gave what it must not.
        TrainingError: pretrained weights that cannot be had.
    """
    network = assemble(model, bands=bands, classes=classes, size=size)
    if isinstance(model, ModelSettings):
        try_plugin(network, model, bands=bands, classes=classes, size=size)
    else:
        _try(network, model, bands=bands, classes=classes, size=size)
    return network


def assemble(model: Network, *, bands: int, classes: int, size: tuple[int, int]) -> nn.Module:
    """Return what ``build`` returns without a look at whether it takes such patches.

    Args:
        model: as of ``build``.
        bands: channels of a patch.
        classes: scores to return.
        size: height and width of a patch, pixels.

    Raises:
        PlanError: as ``build``.
        PluginError: as ``build``.
        TrainingError: as ``build``.
    """
    if isinstance(model, ModelSettings):
        return assemble_plugin(model, bands=bands, classes=classes, size=size)
    match model.stem:
        case "native":
            network = backbone = _backbone(model, bands=bands, classes=classes, size=size)
            if model.weights is not None:
                network = nn.Sequential(OrderedDict(units=Units(bands), backbone=backbone))
        case "adapter":
            inner = (size[0] - _ADAPTER_LOSS, size[1] - _ADAPTER_LOSS)
            backbone = _backbone(model, bands=3, classes=classes, size=inner)
            network = nn.Sequential(OrderedDict(adapter=adapter(bands), backbone=backbone))
        case _:
            assert_never(model.stem)
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


def check_cosine(name: str) -> None:
    """Raise PlanError for a model without the linear classifier that a cosine one would replace."""
    with torch.device("meta"):  # no weight is made
        make_cosine(timm.create_model(name, num_classes=2), name)


def adapter(bands: int) -> nn.Module:
    """Band adapter of Rawal & Pradhan 2020: any number of bands to the three that a usual stem takes."""
    return nn.Sequential(
        nn.ConvTranspose2d(bands, 32, kernel_size=2, stride=1, padding=2, bias=False),
        nn.Conv2d(32, 3, kernel_size=1, bias=False),
        nn.ReLU(),
    )


class CosineClassifier(nn.Module):
    """Scores that are the cosines between features and one vector for each class: (B, D) to (B, K) in [-1, 1].

    ``NormedLinear`` of the code of Cao et al. 2019: no bias, class vectors of length one from uniform(-1, 1)
    coordinates. In float32 also under autocast, as the loss sharpens cosines 30-fold and bfloat16 has three digits.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(F.normalize(torch.empty(classes, features).uniform_(-1, 1), dim=1))

    def forward(self, features_BD: Tensor) -> Tensor:
        """Return the cosines; they do not change with the features' length."""
        kind = "cpu" if features_BD.is_meta else features_BD.device.type  # shapes alone, which autocast does not know
        with torch.autocast(kind, enabled=False):
            return F.linear(F.normalize(features_BD.float(), dim=-1), F.normalize(self.weight, dim=-1))


def make_cosine(network: nn.Module, name: str) -> None:
    """Replace the linear classifier of a timm model of this name by a cosine one. Raises PlanError without one."""
    classifier: object = getattr(network, "get_classifier", lambda: None)()
    if not isinstance(classifier, nn.Linear):
        raise PlanError(
            f"model {name!r} has no linear classifier that a cosine one could replace",
            hint="set model.classifier: linear, or choose another model.name",
        )
    (place,) = [place for place, module in network.named_modules() if module is classifier]
    network.set_submodule(place, CosineClassifier(classifier.in_features, classifier.out_features))


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
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def cpu_state(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's weights and buffers on the CPU, in the usual memory layout."""
    return {
        name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }
