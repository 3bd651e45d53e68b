"""Optimisers; the learning rate is set before each step, from ``learning_rate.py``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, assert_never

import torch
from torch import Tensor, nn

from raysat.config.families.learning import Adam, AdamW, Optim, Sgd

RATE_FACTOR: Final = "rate_factor"  # of a parameter group that has another rate than its step
_OF_DEVICE: Final = ("lr", "capturable")  # settings that are not the same on every device or at every step


def build(optim: Optim, network: nn.Module, rate_factors: Mapping[str, float] | None = None) -> torch.optim.Optimizer:
    """Build the optimiser of a network, fused into one kernel where torch can; parameters without a gradient stay.

    Its learning rate is a tensor on the network's device, and on CUDA a graph may hold its steps.

    Args:
        optim: its settings.
        network: whose parameters.
        rate_factors: what the rate of each parameter is multiplied by, by name; without, all have the same.

    Returns:
        The optimiser.
    """
    device = next(network.parameters()).device
    on_cuda, rate = device.type == "cuda", rate_on(device, optim.lr)
    parameters = network.parameters() if rate_factors is None else _groups(network, rate_factors, device, optim.lr)
    match optim:
        case Adam() | AdamW():
            kind = torch.optim.Adam if isinstance(optim, Adam) else torch.optim.AdamW
            return kind(parameters, lr=rate, weight_decay=optim.weight_decay, fused=True, capturable=on_cuda)
        case Sgd():
            return torch.optim.SGD(
                parameters,
                lr=rate,
                momentum=optim.momentum,
                weight_decay=optim.weight_decay,
                nesterov=optim.momentum > 0,
                fused=True,
            )
        case _:
            assert_never(optim)


def rate_on(device: torch.device, lr: float) -> Tensor:
    """Return a learning rate as an optimiser on a device holds it."""
    return torch.tensor(lr, dtype=torch.float32 if device.type == "cuda" else torch.float64, device=device)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: Tensor) -> None:
    """Set the learning rate of every parameter group, times its ``RATE_FACTOR``; the host does not wait."""
    for group in optimizer.param_groups:
        group["lr"].copy_(lr * group[RATE_FACTOR] if RATE_FACTOR in group else lr)


def _groups(network: nn.Module, factors: Mapping[str, float], device: torch.device, lr: float) -> list[dict[str, Any]]:
    """One group a factor, the smallest first, each with a rate of its own."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault(factors[name], []).append(parameter)
    return [{"params": groups[factor], "lr": rate_on(device, lr), RATE_FACTOR: factor} for factor in sorted(groups)]


def state(optimizer: torch.optim.Optimizer, lr: float) -> dict[str, Any]:
    """Return an optimiser's state, its tensors live, with a learning rate that is known on the host."""
    own = optimizer.state_dict()
    return own | {"param_groups": [group | {"lr": lr} for group in own["param_groups"]]}


def restore(optimizer: torch.optim.Optimizer, kept: dict[str, Any]) -> None:
    """Go on from a state, whose tensors become the optimiser's. Raises ValueError for one that it did not save."""
    check_state(optimizer, kept)
    settings: list[dict[str, Any]] = [
        {name: group[name] for name in _OF_DEVICE if name in group} for group in optimizer.param_groups
    ]
    optimizer.load_state_dict(kept)
    for group, own in zip(optimizer.param_groups, settings, strict=True):
        group.update(own)


def check_state(optimizer: torch.optim.Optimizer, kept: dict[str, Any]) -> None:
    """Raise ValueError for a state that this optimiser did not save: it would fail, or do something else, in a step.

    The learning rate alone moves in training, and a device has its own way to hold it; all other settings are those of
    the trial.
    """
    own, parameters = state(optimizer, 0.0), [p for group in optimizer.param_groups for p in group["params"]]
    groups, moments = kept.get("param_groups"), kept.get("state")
    if kept.keys() != own.keys() or not isinstance(groups, list) or not isinstance(moments, dict):
        raise ValueError("its optimiser has other keys")
    if list(map(_settings, groups)) != list(map(_settings, own["param_groups"])):
        raise ValueError("its optimiser has other settings")
    for number, values in moments.items():
        if type(number) is not int or not 0 <= number < len(parameters) or not isinstance(values, dict):
            raise ValueError("its optimiser has state of what is no parameter")
        shapes = {torch.Size(()), parameters[number].shape}
        tensors = [value for value in values.values() if value is not None]
        if not all(isinstance(tensor, Tensor) and tensor.shape in shapes for tensor in tensors):
            raise ValueError("its optimiser has state of other parameters")


def _settings(group: object) -> dict[str, Any]:
    rate = group.get("lr") if isinstance(group, dict) else None
    if not isinstance(group, dict) or type(rate) is not float or not 0 <= rate < math.inf:
        raise ValueError("its optimiser has no learning rate")
    return {key: value for key, value in group.items() if key not in _OF_DEVICE}
