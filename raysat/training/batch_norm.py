"""Batch norm's running statistics computed anew, for weights that no training step has had: averaged ones.

They are cumulative averages over batches: the n-th batch moves them by 1 / n, as ``torch.optim.swa_utils.update_bn``
has it, which reads n from the device in every layer of every batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from raysat.training.device import current
from raysat.training.graphs import Replay
from raysat.training.models.layers import keeps_statistics, set_training
from raysat.training.sampling import Positions


@torch.no_grad()
def estimate(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Estimate from batches, as torch does to the bit; a network without batch norm reads none.

    Args:
        network: whose statistics; it is left in training mode.
        batches: what it sees (B, C, H, W), on its device.
    """
    layers = _layers(network)
    with _anew(network, layers):
        for number, batch in enumerate(batches if layers else (), start=1):
            for layer in layers:
                layer.momentum = 1.0 / number
            network(batch)


@torch.no_grad()
def estimate_replayed(
    network: nn.Module, take: Callable[[Tensor], Tensor], batches: Sequence[Positions], *, eager: bool = False
) -> None:
    """Estimate likewise on a CUDA device, from a recording of a batch: whole batches, and a last one that is launched.

    A recording holds numbers as they were, so a layer takes the statistics of each batch as they are (its momentum is
    1), and their average is moved by a number on the device.

    Args:
        network: whose statistics; it is left in training mode.
        take: gives what it sees of some positions, both on its device.
        batches: positions of each batch; all have one size but the last.
        eager: launch whole batches too.
    """
    layers = _layers(network)
    if not layers:
        return
    both = (value for layer in layers for value in (layer.running_mean, layer.running_var))
    live = [value for value in both if value is not None]
    device, size = live[0].device, len(batches[0])
    average, one = [torch.zeros_like(value) for value in live], torch.ones((), device=device)
    order_N = torch.from_numpy(np.concatenate(batches)).to(device)
    next_B, done = torch.arange(size, device=device), torch.zeros((), device=device)

    def see(positions_B: Tensor) -> None:
        network(take(order_N.index_select(0, positions_B)))
        done.add_(one)
        torch._foreach_lerp_(average, live, [done.reciprocal()] * len(live))

    def see_next() -> None:
        see(next_B)
        next_B.add_(size)

    replay, whole = Replay(eager=eager), sum(len(positions) == size for positions in batches)
    with _anew(network, layers), current(device):
        for layer in layers:
            layer.momentum = 1.0
        for _ in range(whole):
            replay(see_next)
        if whole < len(batches):
            see(torch.arange(whole * size, len(order_N), device=device))
        torch._foreach_copy_(live, average)


def _layers(network: nn.Module) -> list[_BatchNorm]:
    kept = keeps_statistics(network)
    return [module for module in network.modules() if isinstance(module, _BatchNorm) and module not in kept]


@contextmanager
def _anew(network: nn.Module, layers: Sequence[_BatchNorm]) -> Iterator[None]:
    """Begin without statistics, in training mode; give layers their momentum back at the end."""
    if layers:
        set_training(network)
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
    yield
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
