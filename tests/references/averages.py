"""Averages of weights beside PyTorch's."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from raysat.training.averaging import WeightAverage
from tests.helpers.training import config
from tests.references.registry import Pair, compared

EPOCHS, STEPS = 8, 5


def _flat(network: nn.Module) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


def _shaken(network: nn.Module) -> None:
    for weight in network.parameters():
        weight.data.normal_()


@compared("average.swa", by="PyTorch's AveragedModel, of epochs 2, 4, 6 and 8", within=1e-6)
def _swa() -> Pair:
    torch.manual_seed(1)
    network = nn.Linear(5, 4)
    member = config(average={"kind": "swa", "start": 0.25, "every": 0.25}).average
    ours, theirs = WeightAverage(member, network, epochs=EPOCHS), AveragedModel(network)
    for epoch in range(1, EPOCHS + 1):
        for _ in range(STEPS):
            _shaken(network)
            ours.after_step(network)
        ours.after_epoch(network, epoch)
        if epoch % 2 == 0:
            theirs.update_parameters(network)
    return _flat(ours.network), _flat(theirs.module)


@compared("average.ema", by="PyTorch's AveragedModel, decay min(d, (1 + t) / (10 + t))", within=1e-6)
def _ema() -> Pair:
    torch.manual_seed(2)
    network, steps = nn.Linear(5, 4), iter(range(EPOCHS * STEPS))

    def moved(average: Tensor, weight: Tensor, _: object) -> Tensor:
        t = next(steps)
        decay = min(0.8, (1 + t) / (10 + t))
        return decay * average + (1 - decay) * weight

    flat = nn.ParameterList([nn.Parameter(_flat(network))])  # one tensor, so that PyTorch asks once a step
    ours = WeightAverage(config(average={"kind": "ema", "decay": 0.8}).average, flat, epochs=1)
    theirs = AveragedModel(flat, avg_fn=moved)
    theirs.update_parameters(flat)  # its first update copies
    for _ in range(EPOCHS * STEPS):
        _shaken(flat)
        ours.after_step(flat)
        theirs.update_parameters(flat)
    return _flat(ours.network), _flat(theirs.module)
