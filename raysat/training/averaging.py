"""Readouts of a trajectory: the last iterate, or the stochastic weight average (Izmailov et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import assert_never

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, update_bn

from raysat.spec import Average, NoAverage, Swa


def snapshot_epochs(average: Average, epochs: int) -> frozenset[int]:
    """Return after which epochs (1-based) weights enter the average; empty where there is none.

    The points ``start``, ``start + every`` ... up to 1 are fractions of training (``every`` at least one epoch); each
    means the nearest end of an epoch, half up, the first at the earliest. The last epoch always counts. With the
    defaults and 40 epochs: 10, 15 ... 40.
    """
    match average:
        case NoAverage():
            return frozenset()
        case Swa():
            first, stride = average.start * epochs, max(1.0, average.every * epochs)
            ends = {max(1, math.floor(first + stride * k + 0.5)) for k in range(epochs)}
            return frozenset(end for end in ends | {epochs} if end <= epochs)
        case _:
            assert_never(average)


class WeightAverage:
    """The equal average of a network's weights over the snapshots taken."""

    def __init__(self, network: nn.Module) -> None:
        self._averaged = AveragedModel(network)

    def add(self, network: nn.Module) -> None:
        """Take a snapshot: running average, a_(n+1) = a_n + (w - a_n) / (n + 1)."""
        self._averaged.update_parameters(network)

    def result(self, train_batches: Iterable[Tensor]) -> nn.Module:
        """Return the averaged network, its batch norm re-estimated on ``train_batches`` (normalised, on its device).

        Averaged weights produce other activations than any snapshot did, so the running statistics of batch norm are
        computed anew, as a cumulative average over the batches. A network without batch norm reads no batch.
        """
        network: nn.Module = self._averaged.module
        update_bn(train_batches, network)
        network.eval()
        return network
