"""Checks that a way of training several seeds trains each as if it were alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from typing import Final

import torch
import torch.nn.functional as F
from gpu import Case
from torch import Tensor

from raysat.training.device import full_precision
from seeding.ways import Arm, Way, statistics

STEPS: Final = (
    4  # the losses of the last follow from three updates; on a GPU the first is launched, the second recorded
)
LOSS: Final = 1e-3  # largest difference of a loss; they start near 1.4
STATISTICS: Final = 1e-2  # of the length of a seed's vector of running means and variances


def check(name: str, way: Way, case: Case, seeds: Sequence[int]) -> tuple[float, float]:
    """Return how far losses and statistics are off at most, in full precision; end this process where too far."""
    with full_precision():
        try:
            found = way(Arm(case, precise=True), seeds)
        except ValueError as error:  # of fusing
            sys.exit(f"{name}: {error}; leave it out by --only")
        losses = []
        for _ in range(STEPS):
            found.step()
            losses.append(found.losses.tolist())
        own = [alone(case, seed) for seed in seeds]
    losses_KS, statistics_KD = torch.tensor(losses).T, found.statistics()
    by_loss = float((losses_KS - torch.stack([loss_S for loss_S, _ in own])).abs().max())
    expected_KD = torch.stack([statistics_D for _, statistics_D in own])
    by_statistics = float(((statistics_KD - expected_KD).norm(dim=1) / expected_KD.norm(dim=1)).max())
    if not (by_loss <= LOSS and by_statistics <= STATISTICS):  # a NaN fails
        sys.exit(
            f"{name}: {len(seeds)} seeds do not train as they do alone: losses differ by {by_loss:.1e} ({LOSS:g} is "
            f"allowed), batch norm's statistics by {by_statistics:.1e} ({STATISTICS:g})"
        )
    return by_loss, by_statistics


@cache
def alone(case: Case, seed: int) -> tuple[Tensor, Tensor]:
    """A seed's losses (S,) and statistics (D,) after some steps of a plain loop."""
    arm = Arm(case, precise=True)
    network, (patches_BCHW, labels_B) = arm.network(seed), arm.batch(seed)
    optimizer = arm.optimizer(network)
    losses = []
    for _ in range(STEPS):
        loss = F.cross_entropy(network(patches_BCHW), labels_B)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(float(loss.detach()))
    return torch.tensor(losses), statistics(network.named_buffers())[0]
