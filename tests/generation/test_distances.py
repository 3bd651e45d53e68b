"""Distances between sets of patches, against formulas written down independently."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from scipy.stats import wasserstein_distance

from raysat.generation.distances import kernel_distance, mean_pairwise, nearest, value_distance


@settings(max_examples=20)
@given(n=st.integers(2, 9), m=st.integers(2, 9), size=st.integers(1, 6), seed=st.integers(0, 99))
def test_kid_is_the_unbiased_mmd_with_the_cubic_kernel(n, m, size, seed):
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(n, size)), rng.normal(1, 1, size=(m, size))

    def kernel(a, b):
        return (sum(a * b) / size + 1) ** 3

    within_one = np.mean([kernel(a, b) for a, b in itertools.permutations(one, 2)])
    within_other = np.mean([kernel(a, b) for a, b in itertools.permutations(other, 2)])
    between = np.mean([kernel(a, b) for a, b in itertools.product(one, other)])
    assert kernel_distance(one, other, rng) == pytest.approx(within_one + within_other - 2 * between)


@pytest.mark.slow
def test_kid_of_large_sets_is_that_of_subsets_and_zero_for_equal_sources():
    rng = np.random.default_rng(0)
    one, same, other = (rng.normal(mean, 1, (1500, 4)) for mean in (0, 0, 1))
    whole = kernel_distance(one[:1000], other[:1000], rng)
    assert kernel_distance(one, other, rng) == pytest.approx(whole, rel=0.1)
    assert abs(kernel_distance(one, same, rng)) < 0.02 * whole
    assert kernel_distance(one[:1], other, rng) is None


def test_value_distance_is_scipys_and_thins_only_what_is_large(monkeypatch):
    rng = np.random.default_rng(0)
    one, other = rng.normal(0, 1, (5, 8, 8)), rng.normal(1, 2, (3, 8, 8))
    assert value_distance(one, other) == pytest.approx(wasserstein_distance(one.ravel(), other.ravel()))
    assert value_distance(one, one + 3) == pytest.approx(3)
    assert value_distance(one[:0], other) is None
    large = rng.normal(0, 1, (2, 1024, 1024))
    assert value_distance(large, large + 3) == pytest.approx(3)


def test_mean_pairwise_is_the_mean_over_all_pairs():
    values = np.random.default_rng(0).normal(size=(7, 2, 5, 6)).astype(np.float32)
    wanted = pdist(values.reshape(7, -1)).mean() / np.sqrt(60)
    assert mean_pairwise(torch.from_numpy(values)) == pytest.approx(wanted, rel=1e-5)
    assert mean_pairwise(torch.from_numpy(values[:1])) is None


def test_nearest_knows_a_patch_in_any_symmetry():
    real = torch.randn(300, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    copies = torch.stack([real[270].rot90(1, (1, 2)), real[3].mT.flip(1), real[5] + 0.5])
    found = nearest(copies, real)
    assert found[:2].tolist() == [0, 0]
    assert float(found[2]) == pytest.approx(0.5, rel=1e-5)


def test_nearest_of_real_patches_leaves_each_out():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(9, 1, 4, 4)).astype(np.float32)
    real[4] = np.rot90(real[2], 1, (1, 2)) + 0.25
    wanted = []
    for index, patch in enumerate(real):
        others = [other for place, other in enumerate(real) if place != index]
        turned = [np.rot90(o, k, (1, 2)) for other in others for o in (other, other[:, :, ::-1]) for k in range(4)]
        wanted.append(min(float(np.sqrt(np.mean((patch - each) ** 2))) for each in turned))
    found = nearest(torch.from_numpy(real[:5]), torch.from_numpy(real), same=True)
    np.testing.assert_allclose(found, wanted[:5], rtol=1e-4)
    assert wanted[4] == pytest.approx(0.25, rel=1e-4)
