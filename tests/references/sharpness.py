"""Steps of sharpness-aware minimisation beside another library's and the authors' algorithms written anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytorch_optimizer
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raysat.config.schema import Config
from raysat.training.class_constants import class_constants
from raysat.training.parallel import Workers
from raysat.training.patches import Scale
from raysat.training.sharpness import two_passes
from raysat.training.step import TrainStep
from raysat.training.step_inputs import Alone, UpdateInputs
from tests.references.registry import Pair, compared

COUNTS_K = np.array([40, 12, 6])
STEPS = 5
FEATURES = 6


def _network(*, bias: bool) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(FEATURES, 8, bias=bias), nn.Tanh(), nn.Linear(8, 3, bias=bias))


def _batches() -> list[tuple[Tensor, Tensor]]:
    rng = np.random.default_rng(5)
    return [
        (torch.tensor(rng.normal(size=(10, FEATURES))).float(), torch.tensor(rng.integers(0, 3, 10)))
        for _ in range(STEPS)
    ]


def _weights(network: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


def _ours(sharpness: dict[str, Any], *, bias: bool) -> Tensor:
    """Weights after some steps of SGD with momentum and weight decay."""
    network = _network(bias=bias)
    config = Config.model_validate({"sharpness": sharpness})
    one = torch.ones(1, 1, 1)
    step = TrainStep(
        config,
        network,
        torch.optim.SGD(network.parameters(), lr=torch.tensor(0.1), momentum=0.9, weight_decay=0.01),
        parallel=network,
        scale=Scale(mean=one, std=one, low=one, span=one),
        constants_RK=torch.tensor(class_constants(config.loss, COUNTS_K)),
        passes=two_passes(config.sharpness, network, Workers(), COUNTS_K),
    )
    for patches, labels in _batches():
        even = torch.full((len(labels),), 1 / len(labels))
        inputs = UpdateInputs(
            labels_b=labels,
            class_weights_b=even,
            mean_weights_b=even,
            partners=Alone(),
            lr=torch.tensor(0.1),
            momenta_A=torch.zeros(0),
        )
        step(patches, inputs, [])
    return _weights(network)


def _of_library(*, adaptive: bool, rho: float) -> Tensor:
    network = _network(bias=not adaptive)
    optimizer = pytorch_optimizer.SAM(
        network.parameters(), torch.optim.SGD, rho=rho, adaptive=adaptive, lr=0.1, momentum=0.9, weight_decay=0.01
    )
    for patches, labels in _batches():

        def closure(patches: Tensor = patches, labels: Tensor = labels) -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(network(patches), labels)
            loss.backward()
            return loss

        closure()
        optimizer.step(closure)
    return _weights(network)


Gradient = Callable[[dict[str, Tensor], Tensor, Tensor], dict[str, Tensor]]  # of weights, patches, labels


def _of_paper(gradient: Gradient) -> Tensor:
    """SGD with momentum and weight decay in float64, by hand."""
    network = _network(bias=True)
    weights = {name: weight.detach().double() for name, weight in network.named_parameters()}
    momentum = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for patches, labels in _batches():
        slopes = gradient(weights, patches.double(), labels)
        for name, weight in weights.items():
            momentum[name] = 0.9 * momentum[name] + slopes[name] + 0.01 * weight
            weights[name] = weight - 0.1 * momentum[name]
    return torch.cat([weight.flatten() for weight in weights.values()])


def _slopes(weights: dict[str, Tensor], patches: Tensor, labels: Tensor, counted: Tensor) -> dict[str, Tensor]:
    """The gradient of the cross-entropies of counted patches, over the size of the batch."""
    leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    hidden = torch.tanh(patches @ leaves["0.weight"].T + leaves["0.bias"])
    scores = hidden @ leaves["2.weight"].T + leaves["2.bias"]
    nats = torch.logsumexp(scores, dim=1) - scores[torch.arange(len(labels)), labels]
    found = torch.autograd.grad((nats * counted).sum() / len(labels), list(leaves.values()))
    return dict(zip(leaves, found, strict=True))


def _norm(slopes: dict[str, Tensor]) -> Tensor:
    return torch.sqrt(sum((slope**2).sum() for slope in slopes.values()))


@compared("sharpness.sam", by="pytorch-optimizer's SAM, 5 steps of SGD", within=1e-6)
def _sam() -> Pair:
    return _ours({"kind": "sam", "rho": 0.3}, bias=True), _of_library(adaptive=False, rho=0.3)


@compared("sharpness.asam", by="pytorch-optimizer's SAM(adaptive), no eta, no biases", within=1e-6)
def _asam() -> Pair:
    return _ours({"kind": "asam", "rho": 0.5, "eta": 0.0}, bias=False), _of_library(adaptive=True, rho=0.5)


@compared("sharpness.asam", by="Kwon et al. 2021, algorithm 1, in float64", within=1e-5)
def _asam_of_paper() -> Pair:
    def gradient(weights: dict[str, Tensor], patches: Tensor, labels: Tensor) -> dict[str, Tensor]:
        every = torch.ones(len(labels))
        slopes = _slopes(weights, patches, labels, every)
        size = {name: w.abs() + 0.01 if "weight" in name else torch.ones_like(w) for name, w in weights.items()}
        norm = _norm({name: size[name] * slope for name, slope in slopes.items()})
        worst = {name: w + 0.5 * size[name] ** 2 * slopes[name] / norm for name, w in weights.items()}
        return _slopes(worst, patches, labels, every)

    return _ours({"kind": "asam", "rho": 0.5}, bias=True), _of_paper(gradient)


@compared("sharpness.imbsam", by="Zhou et al. 2023, in float64", within=1e-5)
def _imbsam() -> Pair:
    def gradient(weights: dict[str, Tensor], patches: Tensor, labels: Tensor) -> dict[str, Tensor]:
        is_tail = torch.isin(labels, torch.tensor([1, 2])).double()  # fewer than the mean of 40, 12 and 6
        head, tail = (_slopes(weights, patches, labels, each) for each in (1 - is_tail, is_tail))
        worst = {name: weight + 0.3 * tail[name] / _norm(tail) for name, weight in weights.items()}
        there = _slopes(worst, patches, labels, is_tail)
        return {name: head[name] + there[name] for name in weights}

    return _ours({"kind": "imbsam", "rho": 0.3}, bias=True), _of_paper(gradient)
