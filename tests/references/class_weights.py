"""Class weights beside scikit-learn's, and the formula of Cui et al. 2019."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.utils.class_weight import compute_class_weight

from raysat.config.class_weights import class_weights
from raysat.training.losses import batch_loss
from raysat.training.sampling import shard
from tests.helpers.training import config
from tests.references.registry import Pair, compared

COUNTS_K = np.array([51_773, 13_800, 12_901, 7_843])


def _ours(reweight: dict[str, object], epoch: int = 0) -> np.ndarray:
    return class_weights(config(reweight=reweight).reweight, COUNTS_K, epoch=epoch, epochs=10)


def _effective(beta: float) -> np.ndarray:
    weights = (1 - beta) / (1 - beta**COUNTS_K)
    return weights / weights.sum() * len(COUNTS_K)


@compared("reweight.inverse_frequency", by="scikit-learn's balanced weights, to sum K", within=1e-12)
def _inverse_frequency() -> Pair:
    labels = np.repeat(np.arange(4), COUNTS_K)
    balanced = compute_class_weight("balanced", classes=np.arange(4), y=labels)
    return _ours({"kind": "inverse_frequency"}), balanced / balanced.sum() * 4


@compared("reweight.effective_number", by="Cui et al. 2019 and code", within=1e-9)
def _effective_number() -> Pair:
    return _ours({"kind": "effective_number", "beta": 0.9999}), _effective(0.9999)


@compared("reweight.drw", by="Cao et al. 2019, algorithm 1: ones, then Cui et al.", within=1e-9)
def _drw() -> Pair:
    ours = [_ours({"kind": "drw", "beta": 0.999, "switch": 0.8}, epoch) for epoch in range(10)]
    return ours, [np.ones(4) if epoch < 8 else _effective(0.999) for epoch in range(10)]


@compared("reweight.influence_balanced", by="Park et al. 2021 and code, in float64", within=1e-3)
def _influence_balanced() -> Pair:
    """The loss of a batch, over the sum of its patches' class weights as in all of raysat's weighted means."""
    rng = np.random.default_rng(6)
    features, logits, labels = rng.normal(size=(20, 8)), rng.normal(size=(20, 4)) * 2, rng.integers(0, 4, 20)
    own = config(reweight={"kind": "influence_balanced", "alpha": 1000.0})
    weights = class_weights(own.reweight, COUNTS_K, epoch=9, epochs=10)
    part = shard(weights[labels], rank=0, world=1)
    ours = batch_loss(
        own,
        torch.tensor(logits)[None],
        torch.tensor(labels),
        constants_RK=torch.zeros(0, 4),
        weights_K=torch.tensor(weights).float(),
        class_weights_B=torch.tensor(part.class_weights),
        mean_weights_B=torch.tensor(part.mean_weights),
        norms_B=torch.tensor(np.abs(features).sum(axis=1)).float(),
    )
    inverse = 1 / COUNTS_K
    by_class = inverse / inverse.sum() * 4
    total = 0.0
    for h, z, y in zip(features, logits, labels, strict=True):
        p = np.exp(z) / np.exp(z).sum()
        influence = np.abs(p - np.eye(4)[y]).sum() * np.abs(h).sum()
        total += by_class[y] * -np.log(p[y]) * 1000 / (influence + 0.001)
    return ours.numpy()[None], [total / by_class[labels].sum()]
