"""Ordinal losses and their class probabilities beside the authors' package, SciPy, and formulas written anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from coral_pytorch.dataset import levels_from_labelbatch
from coral_pytorch.losses import coral_loss, corn_loss
from scipy.special import expit, softmax
from scipy.stats import energy_distance

from raysat.config.heads import head_of, outputs
from raysat.training.losses import patch_losses, posterior_logits
from tests.helpers.training import config
from tests.references.registry import Pair, compared

_CLASSES, _PATCHES = 5, 64
_DRAWN = np.random.default_rng(11).normal(size=(_PATCHES, _CLASSES)) * 3
_LABELS = np.random.default_rng(12).integers(0, _CLASSES, _PATCHES)


def _scores(loss: str) -> np.ndarray:
    """Scores of as many columns as a loss takes; those of CORAL descend."""
    own = config(loss={"kind": loss}).loss
    scores = _DRAWN[:, : outputs(head_of(own), _CLASSES)]
    return -np.sort(-scores, axis=1) if loss == "coral" else scores


def _ours(loss: str, **settings: Any) -> torch.Tensor:
    own = config(loss={"kind": loss, **settings})
    scores = torch.tensor(_scores(loss), dtype=torch.float32)
    return patch_losses(own, scores, torch.tensor(_LABELS), torch.zeros(_CLASSES), torch.ones(_CLASSES))


def _probabilities(loss: str) -> torch.Tensor:
    scores = torch.tensor(_scores(loss), dtype=torch.float32)
    return posterior_logits(config(loss={"kind": loss}), scores).softmax(dim=1)


@compared("loss.corn", by="coral-pytorch corn_loss, of a batch", within=1e-5)
def _corn() -> Pair:
    theirs = corn_loss(torch.tensor(_scores("corn")), torch.tensor(_LABELS), _CLASSES)
    steps = np.minimum(_LABELS + 1, _CLASSES - 1).sum()  # what it divides the sum over the batch by
    return _ours("corn").sum() / steps, theirs


@compared("loss.corn", by="Shi et al. 2021, step by step, in NumPy", within=1e-5)
def _corn_by_patch() -> Pair:
    expected, labels = np.zeros(_PATCHES), _LABELS
    for step in range(_CLASSES - 1):
        asked = labels >= step  # those for which the question is asked
        yes = expit(_scores("corn")[:, step])
        expected -= asked * np.log(np.where(labels > step, yes, 1 - yes))
    return _ours("corn"), expected


@compared("loss.corn", by="probabilities, chain rule of sigmoids, in NumPy", within=1e-6)
def _corn_probabilities() -> Pair:
    beyond = np.cumprod(expit(_scores("corn")), axis=1)
    beyond = np.column_stack([np.ones(_PATCHES), beyond, np.zeros(_PATCHES)])
    return _probabilities("corn"), -np.diff(beyond, axis=1)


@compared("loss.coral", by="coral-pytorch coral_loss", within=1e-5)
def _coral() -> Pair:
    levels = levels_from_labelbatch(torch.tensor(_LABELS), num_classes=_CLASSES)
    return _ours("coral"), coral_loss(torch.tensor(_scores("coral")), levels, reduction=None)


@compared("loss.coral", by="probabilities, differences of sigmoids, in NumPy", within=1e-6)
def _coral_probabilities() -> Pair:
    beyond = np.column_stack([np.ones(_PATCHES), expit(_scores("coral")), np.zeros(_PATCHES)])
    return _probabilities("coral"), -np.diff(beyond, axis=1)


@compared("loss.cdw_ce", by="Polat et al. 2022, in NumPy", within=1e-3)
def _cdw_ce() -> Pair:
    p = softmax(_scores("cdw_ce"), axis=1)
    expected = np.zeros(_PATCHES)
    for row, label in enumerate(_LABELS):
        for other in range(_CLASSES):
            if other != label:
                rest = np.delete(p[row], other).sum()  # 1 - p, without its rounding
                expected[row] -= abs(other - label) ** 3.0 * np.log(rest)
    return _ours("cdw_ce", alpha=3.0), expected


@compared("loss.emd2", by="half of SciPy's squared energy distance", within=1e-5)
def _emd2() -> Pair:
    p, classes = softmax(_scores("emd2"), axis=1), np.arange(_CLASSES)
    truth = np.eye(_CLASSES)[_LABELS]
    return _ours("emd2"), [energy_distance(classes, classes, *each) ** 2 / 2 for each in zip(p, truth, strict=True)]


@compared("loss.soft_ordinal", by="Diaz & Marathe 2019, eq. 1, in NumPy", within=1e-4)
def _soft_ordinal() -> Pair:
    targets = np.exp(-0.7 * np.square(np.subtract.outer(_LABELS, np.arange(_CLASSES))))
    targets /= targets.sum(axis=1, keepdims=True)
    expected = -(targets * np.log(softmax(_scores("soft_ordinal"), axis=1))).sum(axis=1)
    return _ours("soft_ordinal", scale=0.7), expected
