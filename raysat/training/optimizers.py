"""Optimisers; the learning rate is set before each step from ``learning_rate.py``."""

from __future__ import annotations

from typing import assert_never

import torch
from torch import nn

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
