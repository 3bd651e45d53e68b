"""Readouts of a trajectory: the last iterate, an average of snapshots (SWA), or one of all steps (EMA).

Every update moves the average by a share of what it is behind, a <- a + share (w - a), and the members differ in when
and by how much.

``swa`` (Izmailov et al. 2018): at the end of some epochs (``points.snapshot_epochs``), by 1 / (n + 1) after n of them:
the equal average.

``ema`` (Polyak & Juditsky 1992): after every step, by 1 - d, where d = min(decay, (1 + t) / (10 + t)) after t steps, as
``num_updates`` of TensorFlow's ExponentialMovingAverage. A constant decay of 0.999 would still hold 37 % of the random
start after 1,000 steps; with this rise less than 1e-4 of it is left after ten, and the weights that a short run reads
out are on average a tenth of it old. The rise ends where d reaches the decay: for 0.999 after some 9,000 steps.

Averaged weights produce other activations than any iterate did, so batch norm's running statistics are computed anew,
on training patches. Averaging those buffers along the way would cost more a step and give the mean of the iterates'
statistics, which is not that of the averaged network's.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Self, assert_never

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from raysat.config.families.learning import Average, Ema, NoAverage, Swa
from raysat.config.milestones import snapshot_epochs


class WeightAverage:
    """A running average of a network's weights; ``network`` and ``updates`` are all its state."""

    def __init__(self, average: Swa | Ema, network: nn.Module, *, epochs: int) -> None:
        self.average = average
        self.network = copy.deepcopy(network)
        self.updates = 0
        self._snapshots = snapshot_epochs(average, epochs)

    @classmethod
    def of(cls, average: Average, network: nn.Module, *, epochs: int) -> Self | None:
        """Start an average at a network's weights; None where the last iterate is read."""
        match average:
            case NoAverage():
                return None
            case Swa() | Ema():
                return cls(average, network, epochs=epochs)
            case _:
                assert_never(average)

    def after_step(self, network: nn.Module) -> None:
        """Take note of a step of the optimiser."""
        if isinstance(self.average, Ema):
            self._update(network)

    def after_epoch(self, network: nn.Module, epoch: int) -> None:
        """Take note of the end of an epoch (1-based)."""
        if epoch in self._snapshots:
            self._update(network)

    def result(self, network: nn.Module, train_batches: Iterable[Tensor]) -> nn.Module:
        """Return the averaged network, its batch norm re-estimated on ``train_batches`` (normalised, on its device).

        The statistics are a cumulative average over the batches; a network without batch norm reads none. Other buffers
        are those of ``network``, the last iterate.
        """
        for averaged, last in zip(self.network.buffers(), network.buffers(), strict=True):
            averaged.copy_(last)
        update_bn(train_batches, self.network)
        return self.network.eval()

    def state_dict(self) -> dict[str, Any]:
        """Return all that goes on with training: averaged weights (live) and updates. Buffers are made at the end."""
        return {"updates": self.updates, "weights": dict(self.network.named_parameters())}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a ``state_dict``."""
        for name, parameter in self.network.named_parameters():
            parameter.copy_(state["weights"][name])
        self.updates = state["updates"]

    @torch.no_grad()
    def _update(self, network: nn.Module) -> None:
        """Move the average: one call for all weights, as in ``torch.optim.swa_utils``."""
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), self._share())
        self.updates += 1

    def _share(self) -> float:
        """What the next iterate counts."""
        match self.average:
            case Swa():
                return 1.0 / (self.updates + 1)
            case Ema(decay=decay):
                return 1.0 - min(decay, (1 + self.updates) / (10 + self.updates))
            case _:
                assert_never(self.average)
