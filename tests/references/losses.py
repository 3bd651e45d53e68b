"""Losses beside formulas written anew."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from raysat.training.class_constants import class_constants
from raysat.training.losses import patch_losses
from tests.helpers.training import config
from tests.references.registry import Pair, compared

COUNTS_K = np.array([600, 160, 150, 90])


def _inputs(patches: int = 64, spread: float = 3.0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(7)
    return torch.tensor(rng.normal(size=(patches, 4)) * spread), torch.tensor(rng.integers(0, 4, patches))


def _ours(loss: dict[str, object]) -> torch.Tensor:
    logits, labels = _inputs()
    own = config(loss=loss)
    offsets = torch.tensor(class_constants(own.loss, COUNTS_K), dtype=torch.float32)
    return patch_losses(own, logits.float(), labels, offsets, torch.ones(4))


@compared("loss.cross_entropy", by="PyTorch, in float64", within=1e-5)
def _cross_entropy() -> Pair:
    return _ours({"kind": "cross_entropy"}), F.cross_entropy(*_inputs(), reduction="none")


@compared("loss.focal", by="Lin et al. 2017, eq. 5, in NumPy", within=1e-5)
def _focal() -> Pair:
    logits, labels = (part.numpy() for part in _inputs())
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p = p[np.arange(len(labels)), labels]
    return _ours({"kind": "focal", "gamma": 2.0}), -((1 - p) ** 2) * np.log(p)
