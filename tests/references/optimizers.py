"""Optimisers beside their papers' updates, in float64, on the gradients of a quadratic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from raysat.training import optimizers
from tests.helpers.training import config
from tests.references.registry import Pair, compared

STEPS, LR, DECAY = 20, 0.05, 0.1
START = np.random.default_rng(2).normal(size=6)
CURVATURE = np.linspace(0.1, 3.0, 6)


def _ours(optim: dict[str, object]) -> np.ndarray:
    network = torch.nn.Linear(6, 1, bias=False)
    network.weight.data.copy_(torch.from_numpy(START))
    optimizer = optimizers.build(config(optim={**optim, "weight_decay": DECAY}).optim, network)
    for _ in range(STEPS):
        optimizers.set_learning_rate(optimizer, torch.tensor(LR, dtype=torch.float64))
        network.weight.grad = torch.from_numpy(CURVATURE).float() * network.weight.detach()
        optimizer.step()
    return network.weight.detach().numpy()[0]


def _adaptive(decayed: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Algorithm 1 of Kingma & Ba 2015; ``decayed`` gives the gradient, and what else a step takes off."""
    weights, mean, square = START.copy(), np.zeros(6), np.zeros(6)
    for t in range(1, STEPS + 1):
        gradient, beside = decayed(weights)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        weights = weights - beside - LR * (mean / (1 - 0.9**t)) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
    return weights


@compared("optim.adam", by="Kingma & Ba 2015, algorithm 1, decay in the gradient", within=1e-5)
def _adam() -> Pair:
    return _ours({"kind": "adam"}), _adaptive(lambda w: (CURVATURE * w + DECAY * w, np.zeros(6)))


@compared("optim.adamw", by="Loshchilov & Hutter 2019, algorithm 2", within=1e-5)
def _adamw() -> Pair:
    return _ours({"kind": "adamw"}), _adaptive(lambda w: (CURVATURE * w, LR * DECAY * w))


@compared("optim.sgd", by="Sutskever et al. 2013, eq. 3 and 4, at the point looked ahead to", within=1e-5)
def _sgd() -> Pair:
    """Their weights are behind PyTorch's by the momentum: these are where their gradient is taken."""
    behind, velocity = START.copy(), np.zeros(6)
    for _ in range(STEPS):
        ahead = behind + 0.9 * velocity
        velocity = 0.9 * velocity - LR * (CURVATURE + DECAY) * ahead
        behind = behind + velocity
    return _ours({"kind": "sgd", "momentum": 0.9}), behind + 0.9 * velocity
