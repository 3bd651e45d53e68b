"""What the training tests share: a tiny configuration and a way to train it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore
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
