"""The sign-flip test against scipy, and Holm's correction against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import permutation_test, ttest_1samp
from statsmodels.stats.multitest import multipletests

from raysat.metrics.catalog import ICV, MACRO_F1
from raysat.metrics.power import smallest_p
from raysat.reporting.analysis.estimate import Estimate
from raysat.reporting.analysis.significance import corrected, holm, sign_flip

whole_numbers = arrays(np.float64, st.integers(2, 10), elements=st.integers(-1000, 1000))  # whose ties are exact


@given(d=whole_numbers)
def test_the_sign_flip_test_is_scipys_exact_permutation_test(d):
    expected = permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True)
    assert sign_flip(d / 1024) == pytest.approx(expected.pvalue)


def test_with_many_pairs_signs_are_drawn_and_agree_with_the_t_test_on_normal_differences():
    d = np.random.default_rng(0).normal(0.3, 1, 40)
    assert sign_flip(d) == pytest.approx(ttest_1samp(d, 0).pvalue, abs=0.01)
    assert sign_flip(np.ones(40)) == pytest.approx(1 / 100_001)


def test_the_smallest_p_and_no_difference():
    assert sign_flip([0.1, 0.2, 0.3, 0.01, 0.5]) == 2 ** (1 - 5)
    assert sign_flip([0.0, 0.0, 0.0]) == 1.0
    assert sign_flip([0.1]) == 1.0
    assert sign_flip([0.1 + 0.2, -0.3]) == 1.0  # equal but for rounding


@pytest.mark.parametrize("n", [0, 1, 2, 7, 40])
def test_holm_is_statsmodels(n):
    p = np.round(np.random.default_rng(n).uniform(size=n) ** 3, 2)  # some are equal
    expected = multipletests(p, method="holm")[1].tolist() if n else []
    assert holm(p) == pytest.approx(expected)


def test_each_metric_is_a_family_of_its_own():
    def estimate(p: float) -> Estimate:
        return Estimate(value=0.0, low=None, high=None, n=5, p=p)

    family = [{ICV: estimate(0.01), MACRO_F1: estimate(0.5)}, {ICV: estimate(0.04)}, {}]
    fresh = corrected(family)
    assert [each[ICV].p_holm for each in fresh[:2]] == [0.02, 0.04]
    assert fresh[0][MACRO_F1].p_holm == 0.5
    assert family[0][ICV].p_holm is None  # the given ones stay


def test_many_pairs_have_random_signs_and_say_so():
    d = np.full(20, 0.1)
    assert sign_flip(d) == smallest_p(20)
    assert sign_flip(np.stack([d, -d, np.zeros(20)])) == pytest.approx([smallest_p(20), smallest_p(20), 1])
