"""What the training tests share: a tiny configuration and a way to train it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore
from raysat.metrics.confusion import from_confusion
from raysat.training.loop import train
from raysat.training.results import EpochReport, TrialResult

MakeStore = Callable[..., PatchStore]
TINY = "test_resnet"  # a timm model of some 0.5 M parameters, with batch norm


def config(**parts: Any) -> Config:
    """A configuration of a tiny model; parts are merged one level deep."""
    base: dict[str, Any] = {"model": {"name": TINY}, "optim": {"kind": "adam", "batch_size": 8, "epochs": 2}}
    for key, value in parts.items():
        base[key] = {**base.get(key, {}), **value}
    return Config.model_validate(base)


def report_of_epoch(epoch: int) -> EpochReport:
    """A made-up report of an epoch."""
    metrics = from_confusion(np.array([[8, 2], [1, 4]]))
    return EpochReport(epoch=epoch, epochs=100, loss=1.0, lr=0.1, metrics=metrics, seconds=1.0, samples_seen=epoch)


def run(
    what: Config,
    store: PatchStore,
    *,
    generated: Sequence[PatchStore] = (),
    seed: int = 0,
    device: torch.device | None = None,
) -> tuple[list[EpochReport], TrialResult]:
    """Train; returns the epochs as they were reported, and the result."""
    reports: list[EpochReport] = []
    result = train(
        Trial(config=what, seed=seed),
        store,
        generated=generated,
        device=device or torch.device("cpu"),
        on_epoch=reports.append,
    )
    return reports, result
