"""The layers of a timm model from its input to its classifier: which of them training moves, and how fast.

Which layers there are, timm says (``group_matcher``): stages of a ResNet, blocks of a ViT. Training that leaves layers
as they are leaves their batch norm's running statistics as well: such layers are in evaluation mode, always.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import timm
import torch
from torch import nn

from raysat.config.plugins.settings import ModelSettings
from raysat.config.schema import Model, Network
from raysat.errors import PlanError
from raysat.training.models.backbone import backbone_of, placed_backbone
from raysat.training.models.last_layer import classifier_of
from raysat.training.models.names import check_name

_MARK: Final = "is_partly_frozen"  # of a network that keeps some layers in evaluation mode; copied with it


def check_layers(model: Model) -> None:
    """Raise PlanError for a model whose layers are not known as ``trains`` or ``layer_decay`` need them."""
    check_name(model.name)
    with torch.device("meta"):  # no weight is made
        network = timm.create_model(model.name, num_classes=2)
    freeze(network, model)
    rate_factors(network, model)


def freeze(network: nn.Module, model: Network) -> None:
    """Fix what training shall not move: no gradient is computed for it, nor through what comes before all that moves.

    Args:
        network: of a model of timm, perhaps behind a layer of units, or a plugin's, which is left as it is.
        model: whose ``trains`` says what moves.

    Raises:
        PlanError: a model without a classifier or stages that timm knows, or of fewer stages.
    """
    if isinstance(model, ModelSettings) or model.trains == "all":
        return
    backbone = backbone_of(network)
    moving = set(_classifier_names(backbone, model))
    if model.trains != "head":
        stages = _layers(backbone, model, coarse=True)
        own = sorted(set(stages.values()) - {stages[name] for name in moving})
        if model.trains >= len(own):
            raise PlanError(
                f"model.trains is {model.trains}, and {model.name} has {len(own)} stages before its classifier",
                hint=f"set model.trains: all, or to {len(own) - 1} or fewer"
                if len(own) > 1
                else "set model.trains: all",
            )
        last = own[len(own) - model.trains]
        moving |= {name for name, stage in stages.items() if stage >= last}
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(name in moving)
    setattr(network, _MARK, True)


def set_training(network: nn.Module, *, parallel: nn.Module | None = None) -> None:
    """Set training mode, but for layers that training does not move.

    Args:
        network: what is trained.
        parallel: what wraps it for several workers, if anything does.
    """
    (parallel or network).train()
    if getattr(network, _MARK, False):
        for module in _still(network):
            module.eval()


def keeps_statistics(network: nn.Module) -> set[nn.Module]:
    """Return the modules that training leaves as they are, batch norm's running statistics included."""
    if not getattr(network, _MARK, False):
        return set()
    return {module for still in _still(network) for module in still.modules()}


def rate_factors(network: nn.Module, model: Network) -> dict[str, float] | None:
    """Return what each parameter's learning rate is multiplied by: ``layer_decay`` for each layer after its own.

    None where all have the same.

    As in Bao et al. 2022 (BEiT), with the layers of timm's ``param_groups_layer_decay``: the last has the whole rate.

    Args:
        network: of a model of timm, perhaps behind a layer of units, or a plugin's.
        model: whose ``layer_decay`` it is.

    Raises:
        PlanError: a model whose layers timm does not know.
    """
    if isinstance(model, ModelSettings) or model.layer_decay == 1:
        return None
    prefix, backbone = placed_backbone(network)
    layers = _layers(backbone, model, coarse=False)
    last = max(layers.values())
    return {f"{prefix}{name}": model.layer_decay ** (last - layer) for name, layer in layers.items()}


def _classifier_names(backbone: nn.Module, model: Model) -> Iterator[str]:
    """Names of the classifier's parameters. Raises PlanError where there is none."""
    classifier = classifier_of(backbone)
    own = set() if classifier is None else {id(parameter) for parameter in classifier.parameters()}
    if not own:
        raise PlanError(
            f"model {model.name!r} has no classifier that could be trained alone",
            hint="set model.trains: all, or choose another model.name",
        )
    return (name for name, parameter in backbone.named_parameters() if id(parameter) in own)


def _layers(backbone: nn.Module, model: Model, *, coarse: bool) -> dict[str, int]:
    """The layer of each parameter, counted from the input. Raises PlanError where timm does not know."""
    matcher = getattr(backbone, "group_matcher", None)
    if matcher is None:
        raise PlanError(
            f"timm does not say the layers of model {model.name!r}",
            hint="set model.trains to all or head and model.layer_decay to 1, or choose another model.name",
        )
    found: dict[str, int] = timm.models.group_parameters(backbone, matcher(coarse=coarse), reverse=True)
    return found


def _still(module: nn.Module) -> Iterator[nn.Module]:
    """The largest modules none of whose parameters is trained; those without any parameter are left as they are."""
    flags = [parameter.requires_grad for parameter in module.parameters()]
    if flags and not any(flags):
        yield module
    elif flags:
        for child in module.children():
            yield from _still(child)
