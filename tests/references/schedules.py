"""Learning rates of every step beside PyTorch's schedulers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.optim import lr_scheduler

from raysat.config.learning_rate import learning_rate
from tests.helpers.training import config
from tests.references.registry import Pair, compared

EPOCHS, STEPS, LR = 12, 10, 0.3
OWN = {"base_lr": 0.01, "max_lr": 0.5, "step_epochs": 2.0}


def _ours(schedule: dict[str, object]) -> np.ndarray:
    own = config(schedule=schedule, optim={"lr": LR, "epochs": EPOCHS})
    return np.array(
        [learning_rate(own.schedule, own.optim, step=step, steps_per_epoch=STEPS) for step in range(EPOCHS * STEPS)]
    )


def _torchs(make: Callable[[torch.optim.Optimizer], Any]) -> np.ndarray:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler, found = make(optimizer), []
    for step in range(EPOCHS * STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < EPOCHS * STEPS:
            scheduler.step()
    return np.array(found)


def _cyclic(kind: str, **more: float) -> Pair:
    theirs = _torchs(
        lambda it: lr_scheduler.CyclicLR(it, 0.01, 0.5, step_size_up=20, mode=kind, cycle_momentum=False, **more)
    )
    return _ours({"kind": kind, **OWN, **more}), theirs


@compared("schedule.constant", by="PyTorch's LinearLR, a warm-up of 12 steps", within=1e-12)
def _constant() -> Pair:
    theirs = _torchs(lambda it: lr_scheduler.LinearLR(it, start_factor=1 / 12, total_iters=11))
    return _ours({"kind": "constant", "warmup": 0.1}), theirs


@compared("schedule.multistep", by="PyTorch's MultiStepLR", within=1e-12)
def _multistep() -> Pair:
    theirs = _torchs(lambda it: lr_scheduler.MultiStepLR(it, milestones=[60, 90], gamma=0.2))
    return _ours({"kind": "multistep", "milestones": (0.5, 0.75), "gamma": 0.2}), theirs


@compared("schedule.cosine", by="PyTorch's CosineAnnealingLR", within=1e-12)
def _cosine() -> Pair:
    theirs = _torchs(lambda it: lr_scheduler.CosineAnnealingLR(it, T_max=EPOCHS * STEPS, eta_min=0.02))
    return _ours({"kind": "cosine", "final_lr": 0.02}), theirs


@compared("schedule.triangular", by="PyTorch's CyclicLR", within=1e-12)
def _triangular() -> Pair:
    return _cyclic("triangular")


@compared("schedule.triangular2", by="PyTorch's CyclicLR", within=1e-12)
def _triangular2() -> Pair:
    return _cyclic("triangular2")


@compared("schedule.exp_range", by="PyTorch's CyclicLR", within=1e-12)
def _exp_range() -> Pair:
    return _cyclic("exp_range", gamma=0.97)


@compared("schedule.one_cycle", by="PyTorch's OneCycleLR", within=1e-12)
def _one_cycle() -> Pair:
    theirs = _torchs(lambda it: lr_scheduler.OneCycleLR(it, 0.5, total_steps=EPOCHS * STEPS, cycle_momentum=False))
    return _ours({"kind": "one_cycle", "max_lr": 0.5}), theirs
