"""Samplers: the probabilities that they draw patches with."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch.utils.data import WeightedRandomSampler

from raysat.training.sampling import epoch_order
from tests.helpers.training import config
from tests.references.registry import Pair, compared

COUNTS_K = np.array([60, 25, 10, 5])
LABELS = np.random.default_rng(3).permutation(np.repeat(np.arange(4), COUNTS_K))


class _Told:
    """Stands for a generator, and answers with the probabilities that it is asked to draw with."""

    def choice(self, count: int, *, size: int, p: np.ndarray) -> np.ndarray:
        assert count == size == len(LABELS)
        return p

    def permutation(self, count: int) -> np.ndarray:
        return np.full(count, 1 / count)


def _ours(sampler: dict[str, object], epoch: int = 0) -> np.ndarray:
    told: Any = _Told()
    return epoch_order(config(sampler=sampler).sampler, LABELS, COUNTS_K, told, epoch=epoch, epochs=10)


def _of_torch(by_class: np.ndarray) -> np.ndarray:
    """As users of PyTorch do it: a weight for each patch, which ``torch.multinomial`` normalises."""
    weights = WeightedRandomSampler(by_class[LABELS].tolist(), len(LABELS)).weights.numpy()
    return weights / weights.sum()


def _effective(beta: float) -> np.ndarray:
    return _of_torch((1 - beta) / (1 - beta**COUNTS_K))


@compared("sampler.uniform", by="every patch once: a permutation", within=0.0)
def _uniform() -> Pair:
    rng = np.random.default_rng(1)
    order = epoch_order(config().sampler, LABELS, COUNTS_K, rng, epoch=0, epochs=10)
    return np.sort(order), np.arange(len(LABELS))


@compared("sampler.inverse_frequency", by="PyTorch's WeightedRandomSampler, 1 / n_c", within=1e-12)
def _inverse_frequency() -> Pair:
    return _ours({"kind": "inverse_frequency"}), _of_torch(1 / COUNTS_K)


@compared("sampler.square_root", by="PyTorch's WeightedRandomSampler, n_c^-1/2", within=1e-12)
def _square_root() -> Pair:
    return _ours({"kind": "square_root"}), _of_torch(COUNTS_K**-0.5)


@compared("sampler.effective_number", by="Cui et al. 2019, in PyTorch's sampler", within=1e-12)
def _effective_number() -> Pair:
    return _ours({"kind": "effective_number", "beta": 0.99}), _effective(0.99)


@compared("sampler.drs", by="Cao et al. 2019: uniform, then Cui et al.", within=1e-12)
def _drs() -> Pair:
    ours = [_ours({"kind": "drs", "beta": 0.99, "switch": 0.8}, epoch) for epoch in range(10)]
    return ours, [np.full(100, 0.01) if epoch < 8 else _effective(0.99) for epoch in range(10)]
