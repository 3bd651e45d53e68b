"""Class weights beside scikit-learn's, and the formula of Cui et al. 2019."""

from __future__ import annotations

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from raysat.config.class_weights import class_weights
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
