"""Optimisers; the learning rate is set before each step from ``learning_rate.py``."""

from __future__ import annotations

import math
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from raysat.config.families.learning import Adam, AdamW, Optim, Sgd


def build(optim: Optim, network: nn.Module) -> torch.optim.Optimizer:
    """Build the optimiser of a network, fused into one kernel where torch can."""
    match optim:
        case Adam():
            return torch.optim.Adam(network.parameters(), lr=optim.lr, weight_decay=optim.weight_decay, fused=True)
        case AdamW():
            return torch.optim.AdamW(network.parameters(), lr=optim.lr, weight_decay=optim.weight_decay, fused=True)
        case Sgd():
            return torch.optim.SGD(
                network.parameters(),
                lr=optim.lr,
                momentum=optim.momentum,
                weight_decay=optim.weight_decay,
                nesterov=optim.momentum > 0,
                fused=True,
            )
        case _:
            assert_never(optim)


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def check_state(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Raise ValueError for a state that this optimiser did not save: it would fail, or do something else, in a step.

    The learning rate alone moves in training; all other settings are those of the trial.
    """
    own, parameters = optimizer.state_dict(), [p for group in optimizer.param_groups for p in group["params"]]
    groups, kept = state.get("param_groups"), state.get("state")
    if state.keys() != own.keys() or not isinstance(groups, list) or not isinstance(kept, dict):
        raise ValueError("its optimiser has other keys")
    if list(map(_settings, groups)) != list(map(_settings, own["param_groups"])):
        raise ValueError("its optimiser has other settings")
    for number, values in kept.items():
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
    return {key: value for key, value in group.items() if key != "lr"}
