"""Seeds to find a difference: against statsmodels, and against how often tests of drawn differences reject."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.power import TTestPower

from raysat.metrics.power import LEVEL, seeds_needed
from raysat.metrics.sample_size import MOST_SEEDS, POWER, power, seeds_to_show


@pytest.mark.parametrize("comparisons", [1, 3, 40])
@pytest.mark.parametrize("pairs", [2, 5, 8, 30, 400])
@pytest.mark.parametrize("size", [0.1, 0.5, 1.0])
def test_power_is_that_of_statsmodels(size, pairs, comparisons):
    theirs = TTestPower().power(size, nobs=pairs, alpha=LEVEL / comparisons, alternative="two-sided")
    theirs = 1.0 if math.isnan(theirs) and size**2 * pairs > 50 else theirs  # far out scipy's distribution gives none
    assert power(0.02 * size, 0.02, pairs, comparisons) == pytest.approx(theirs, abs=1e-6)
    assert power(-0.02 * size, 0.02, pairs, comparisons) == power(0.02 * size, 0.02, pairs, comparisons)


@pytest.mark.parametrize("comparisons", [1, 3, 40])
@pytest.mark.parametrize("size", [0.1, 0.3, 0.8, 1.2])
def test_seeds_to_show_is_the_number_that_statsmodels_solves_for(size, comparisons):
    theirs = TTestPower().solve_power(size, alpha=LEVEL / comparisons, power=POWER, alternative="two-sided")
    assert seeds_to_show(size, 1.0, comparisons) == max(math.ceil(theirs), seeds_needed(comparisons))


def test_however_large_a_difference_the_sign_flip_test_needs_its_seeds():
    assert seeds_to_show(1.0, 0.001, 3) == seeds_to_show(1.0, 0.0, 3) == seeds_needed(3) == 7


def test_a_difference_that_is_nothing_beside_the_spread_takes_too_many():
    assert seeds_to_show(0.001, 1.0) is None
    assert seeds_to_show(0.03, 1.0) == pytest.approx(7.849 / 0.03**2, abs=5)  # (1.960 + 0.842)^2 of the normal
    assert seeds_to_show(0.03, 1.0) < MOST_SEEDS


def test_power_is_how_often_a_t_test_rejects():
    drawn = np.random.default_rng(0).normal(0.02, 0.03, (20_000, 12))
    found = ttest_1samp(drawn, 0, axis=1).pvalue <= LEVEL / 3
    assert power(0.02, 0.03, 12, 3) == pytest.approx(found.mean(), abs=0.01)
