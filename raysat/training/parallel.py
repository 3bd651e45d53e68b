"""Data parallelism: a trial's batches shared by the processes of ``torch.distributed``, where it is initialised.

The batch size of a study is that of the whole batch. Every rank draws the same batches and the same augmentation, takes
its share of the patches, and the averaged gradients are those of the mean over the whole batch. On CUDA, batch norm
takes the statistics of the whole batch. Torch has no such layer for the CPU: there it sees each rank's patches alone,
and rank 0's running statistics are the ones that count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """This process among those that train one trial."""

    rank: int = 0
    world: int = 1

    @classmethod
    def current(cls) -> Workers:
        """Read the process group; without one, a process is alone."""
        if not (dist.is_available() and dist.is_initialized()):
            return cls()
        return cls(rank=dist.get_rank(), world=dist.get_world_size())

    def wrap(self, network: nn.Module, device: torch.device, *, averages: bool = True) -> nn.Module:
        """Return the module to train: it averages gradients over the ranks.

        On CUDA the batch norm layers within ``network`` are replaced in place, by ones that share its parameters; names
        and weights stay.

        Args:
            network: the plain one.
            device: where it is.
            averages: False returns the plain one, of whose gradients there are several in a step (``average``).
        """
        if self.world == 1:
            return network
        if device.type == "cuda":
            network = convert_sync_batchnorm(network)  # torch's own would lose the activation in timm's layers
        if not averages:
            return network
        return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)

    def sum(self, value: Tensor) -> Tensor:
        """Sum a tensor over the ranks, in place."""
        if self.world > 1:
            dist.all_reduce(value)
        return value

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Average tensors of one type over the ranks, in place, in one message."""
        if self.world == 1 or not tensors:
            return
        together = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(together)
        parts = torch.split(together.div_(self.world), [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def share_buffers(self, network: nn.Module) -> None:
        """Give every rank the batch norm statistics of rank 0."""
        if self.world > 1:
            for buffer in network.buffers():
                dist.broadcast(buffer, src=0)
