"""Orders, batches and data-parallel shards."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from raysat.config.families.samplers import (
    Drs,
    EffectiveNumberSampler,
    InverseFrequencySampler,
    Sampler,
    SquareRootSampler,
    UniformSampler,
)
from raysat.training import sampling

LABELS = np.repeat([0, 1, 2, 3], [600, 160, 150, 90]).astype(np.uint8)


def order(
    sampler: Sampler,
    seed: int,
    *,
    labels: np.ndarray = LABELS,
    counts: np.ndarray | None = None,
    epoch: int = 0,
    epochs: int = 1,
) -> np.ndarray:
    rng, counts = np.random.default_rng(seed), np.bincount(labels) if counts is None else counts
    return sampling.epoch_order(sampler, labels, counts, rng, epoch=epoch, epochs=epochs)


def test_uniform_is_every_patch_once_shuffled() -> None:
    first, second = (order(UniformSampler(), seed) for seed in range(2))
    np.testing.assert_array_equal(np.sort(first), np.arange(1000))
    assert not np.array_equal(first, second)
    assert abs(stats.spearmanr(first, np.arange(1000)).statistic) < 0.15


@pytest.mark.parametrize(
    ("sampler", "weight"),
    [
        (InverseFrequencySampler(), lambda n: 1 / n),
        (SquareRootSampler(), lambda n: n**-0.5),
        (EffectiveNumberSampler(beta=0.99), lambda n: (1 - 0.99) / (1 - 0.99**n)),
        (Drs(beta=0.99, switch=0.0), lambda n: (1 - 0.99) / (1 - 0.99**n)),
    ],
)
def test_classes_are_drawn_by_their_weights_and_patches_evenly_within(
    sampler: Sampler, weight: Callable[[np.ndarray], np.ndarray]
) -> None:
    drawn = np.concatenate([order(sampler, seed) for seed in range(60)])
    counts = np.bincount(LABELS)
    expected = counts * weight(counts.astype(float))
    expected *= len(drawn) / expected.sum()
    assert len(drawn) == 60 * len(LABELS)
    assert stats.chisquare(np.bincount(LABELS[drawn]), expected).pvalue > 1e-3
    for label in range(4):
        within = np.bincount(drawn, minlength=1000)[label == LABELS]
        assert stats.chisquare(within).pvalue > 1e-3


@given(
    seed=st.integers(0, 2**32 - 1),
    sampler=st.sampled_from([InverseFrequencySampler(), SquareRootSampler(), EffectiveNumberSampler(beta=0.9)]),
)
def test_a_patch_is_drawn_by_the_counts_that_are_given(seed: int, sampler: Sampler) -> None:
    """Half of the rarest class is generated, and counts for nothing: as if it had 45 patches, and were drawn twice."""
    counts = np.array([600, 160, 150, 45])
    weights = {"inverse_frequency": 1 / counts, "square_root": counts**-0.5, "effective_number": 1 / (1 - 0.9**counts)}
    each = weights[sampler.kind][LABELS]
    expected = np.random.default_rng(seed).choice(1000, size=1000, p=each / each.sum())
    assert (order(sampler, seed, counts=counts) == expected).mean() > 0.99  # but where rounding decides


def test_the_limits_of_the_effective_number_are_uniform_classes_and_uniform_patches() -> None:
    drawn = np.concatenate([order(EffectiveNumberSampler(beta=np.nextafter(1, 0)), seed) for seed in range(30)])
    assert stats.chisquare(np.bincount(LABELS[drawn])).pvalue > 1e-3
    drawn = np.concatenate([order(EffectiveNumberSampler(beta=0.0), seed) for seed in range(30)])
    assert stats.chisquare(np.bincount(LABELS[drawn]), 30 * np.bincount(LABELS)).pvalue > 1e-3


@given(
    labels=st.lists(st.sampled_from([0, 2, 3, 7]), min_size=1, max_size=50).map(np.array),
    seed=st.integers(0, 2**32 - 1),
    sampler=st.sampled_from([UniformSampler(), InverseFrequencySampler(), SquareRootSampler(), Drs(switch=0.0)]),
)
def test_an_order_is_as_long_as_the_labels_even_where_classes_are_absent(
    labels: np.ndarray, seed: int, sampler: Sampler
) -> None:
    drawn = order(sampler, seed, labels=labels)
    assert drawn.shape == labels.shape
    assert set(drawn) <= set(range(len(labels)))


@given(seed=st.integers(0, 2**32 - 1), switch=st.floats(0, 0.99), epochs=st.integers(1, 12))
def test_deferred_resampling_is_uniform_draw_for_draw_until_it_switches(seed: int, switch: float, epochs: int) -> None:
    drs, late = Drs(beta=0.999, switch=switch), EffectiveNumberSampler(beta=0.999)
    for epoch in range(epochs):
        twin = UniformSampler() if epoch < int(switch * epochs + 1e-9) else late
        np.testing.assert_array_equal(
            order(drs, seed, epoch=epoch, epochs=epochs), order(twin, seed, epoch=epoch, epochs=epochs)
        )


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
    weighted = np.mean([part.class_weights @ values[part.positions] for part in parts])
    even = np.mean([part.mean_weights @ values[part.positions] for part in parts])
    assert weighted == pytest.approx(np.average(values, weights=weights), abs=1e-5)
    assert even == pytest.approx(values.mean(), abs=1e-5)
    assert min(len(part.positions) for part in parts) >= 2  # batch norm has something to work on
    assert sum(np.count_nonzero(part.mean_weights) for part in parts) == size
