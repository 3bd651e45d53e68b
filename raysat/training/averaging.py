"""Averages of a network's weights over training: of snapshots (SWA), or of all steps (EMA).

Every update moves the average a towards the weights w, a <- a + momentum (w - a); SWA and EMA differ in when and by how
much.

``swa`` (Izmailov et al. 2018): at the end of some epochs (``milestones.snapshot_epochs``), by 1 / (n + 1) after n of
them: the equal average.

``ema`` (Polyak & Juditsky 1992): after every step, by 1 - d, where d = min(decay, (1 + t) / (10 + t)) after t steps, as
``num_updates`` of TensorFlow's ExponentialMovingAverage. A constant decay of 0.999 would still hold 37 % of the random
start after 1,000 steps; with this rise less than 1e-4 of it is left after ten, and the weights that a short run ends
with are on average a tenth of it old. The rise ends where d reaches the decay: for 0.999 after some 9,000 steps.

A plugin's average takes the weights after some epochs too, each as much as the plugin says: by its share of all so far.

Averaged weights produce other activations than any iterate did, so batch norm's running statistics are computed anew,
on training patches. Averaging those buffers along the way would cost more a step and give the mean of the iterates'
statistics, which is not that of the averaged network's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import assert_never

import torch
from torch import Tensor, nn

from raysat.config.families.learning import Ema, Swa
from raysat.config.milestones import snapshot_epochs
from raysat.config.plugins.settings import AverageSettings
from raysat.config.snapshot_weights import snapshot_weights
from raysat.training.checkpoint import AverageState


class WeightAverage:
    """A running average of a network's weights; ``network`` and ``updates`` are all its state."""

    def __init__(self, average: Swa | Ema | AverageSettings, network: nn.Module, *, epochs: int) -> None:
        """Start at a network's weights.

        Args:
            average: which average.
            network: what is trained; it is copied.
            epochs: of the training, for SWA's snapshots; an exponential average does not depend on it.
        """
        self.average = average
        self.network = copy.deepcopy(network)
        self.updates = 0
        self._snapshots = snapshot_epochs(average, epochs)
        self._weights = snapshot_weights(average, epochs) if isinstance(average, AverageSettings) else {}
        self._snapshots |= self._weights.keys()

    @property
    def takes_every_step(self) -> bool:
        """Whether each step of the optimiser moves it."""
        return isinstance(self.average, Ema)

    def after_step(self, network: nn.Module) -> None:
        """Take note of a step of the optimiser."""
        if self.takes_every_step:
            self._update(network)

    def after_epoch(self, network: nn.Module, epoch: int) -> None:
        """Take note of the end of an epoch (1-based)."""
        if epoch in self._snapshots:
            self._update(network)

    def result(self, network: nn.Module, estimate: Callable[[nn.Module], None]) -> nn.Module:
        """Return the averaged network.

        Args:
            network: the last iterate, whose buffers it takes.
            estimate: computes batch norm's statistics anew (``batch_norm.py``), on training patches.
        """
        for averaged, last in zip(self.network.buffers(), network.buffers(), strict=True):
            averaged.copy_(last)
        estimate(self.network)
        return self.network.eval()

    def state(self) -> AverageState:
        """Return all that another process needs to resume: the averaged weights (live) and the number of updates."""
        return AverageState(updates=self.updates, weights=dict(self.network.named_parameters()))

    @torch.no_grad()
    def restore(self, state: AverageState) -> None:
        """Resume from a state. Raises KeyError where it lacks a parameter, ValueError where one has another shape."""
        for name, parameter in self.network.named_parameters():
            if (kept := state.weights[name]).shape != parameter.shape:
                raise ValueError(f"the average of {name} has another shape")
            parameter.copy_(kept)
        self.updates = state.updates

    @torch.no_grad()
    def move(self, network: nn.Module, momentum: Tensor) -> None:
        """Move the average by a momentum that is on its device; who calls this counts the update."""
        own: list[Tensor] = list(self.network.parameters())
        others: list[Tensor] = list(network.parameters())
        torch._foreach_lerp_(own, others, [momentum] * len(own))

    def momentum(self, ahead: int = 0) -> float:
        """How far the average moves towards the next iterate, or that after so many more updates, in [0, 1]."""
        updates = self.updates + ahead
        match self.average:
            case Swa():
                return 1.0 / (updates + 1)
            case AverageSettings():
                weights = list(self._weights.values())[: updates + 1]
                return weights[-1] / sum(weights)
            case Ema(decay=decay):
                return 1.0 - min(decay, (1 + updates) / (10 + updates))
            case _:
                assert_never(self.average)

    @torch.no_grad()
    def _update(self, network: nn.Module) -> None:
        """Move the average: one call for all weights, as in ``torch.optim.swa_utils``."""
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), self.momentum())
        self.updates += 1
