"""Orders, batches and data-parallel shards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raysat.spec import InverseFrequencySampler, UniformSampler
from raysat.training import sampling

LABELS = np.repeat([0, 1, 2, 3], [600, 160, 150, 90]).astype(np.uint8)


def test_uniform_is_every_patch_once_shuffled() -> None:
    rng = np.random.default_rng(0)
    first, second = (sampling.epoch_order(UniformSampler(), LABELS, rng) for _ in range(2))
    np.testing.assert_array_equal(np.sort(first), np.arange(1000))
    assert not np.array_equal(first, second)
    assert abs(stats.spearmanr(first, np.arange(1000)).statistic) < 0.15


def test_inverse_frequency_draws_classes_equally_and_patches_evenly_within() -> None:
    rng = np.random.default_rng(0)
    drawn = np.concatenate([sampling.epoch_order(InverseFrequencySampler(), LABELS, rng) for _ in range(60)])
    assert len(drawn) == 60 * len(LABELS)
    assert stats.chisquare(np.bincount(LABELS[drawn])).pvalue > 1e-3
    for label in range(4):
        within = np.bincount(drawn, minlength=1000)[label == LABELS]
        assert stats.chisquare(within).pvalue > 1e-3


@given(n=st.integers(2, 60), size=st.integers(2, 20))
def test_batches_hold_every_patch_but_a_last_single_one(n: int, size: int) -> None:
    cut = sampling.batches(np.arange(n), size)
    kept = np.concatenate(cut)
    np.testing.assert_array_equal(kept, np.arange(n - 1 if n % size == 1 else n))
    assert all(len(batch) == size for batch in cut[:-1])
    assert 2 <= len(cut[-1]) <= size


@given(size=st.integers(2, 40), world=st.integers(1, 7), seed=st.integers(0, 100))
def test_shards_average_to_the_whole_batchs_mean(size: int, world: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, values = rng.uniform(0.1, 3, size), rng.normal(size=size)
    parts = [sampling.shard(weights, rank=rank, world=world) for rank in range(world)]
    weighted = np.mean([part.weighted @ values[part.positions] for part in parts])
    even = np.mean([part.even @ values[part.positions] for part in parts])
    assert weighted == pytest.approx(np.average(values, weights=weights), abs=1e-5)
    assert even == pytest.approx(values.mean(), abs=1e-5)
    assert min(len(part.positions) for part in parts) >= 2  # batch norm has something to work on
    assert sum(np.count_nonzero(part.even) for part in parts) == size
