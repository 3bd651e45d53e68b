"""Power of what a report sees: against how often its own test and interval reject, and against statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t
from statsmodels.stats.power import TTestPower

from raysat.metrics.power import LEVEL, seeds_needed
from raysat.reporting.analysis.sample_size import MOST_SEEDS, POWER, Spread, power, seeds_to_show
from raysat.reporting.analysis.significance import sign_flip


def seen(difference: float, spread: Spread, pairs: int, comparisons: int, studies: int = 6_000) -> float:
    """How often drawn studies see it: the lone effect of Holm's first step, and an interval of seeds and patches."""
    rng = np.random.default_rng(0)
    patches = spread.patches * rng.normal(size=(studies, 1))
    d = difference + patches + spread.seeds * rng.normal(size=(studies, pairs))
    mean, error = d.mean(axis=1), d.std(axis=1, ddof=1) / math.sqrt(pairs)
    draws = rng.standard_t(pairs - 1, 4_000) * error[:, None] + spread.patches * rng.normal(size=4_000)
    above = mean - np.quantile(draws, 1 - LEVEL / 2, axis=1) > 0
    return float((above & (sign_flip(d) <= LEVEL / comparisons)).mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("difference", "spread", "pairs", "comparisons"),
    [
        (0.05, Spread(0.03), 6, 1),
        (0.05, Spread(0.03), 8, 6),
        (0.03, Spread(0.03), 10, 3),
        (0.05, Spread(0.03, 0.015), 8, 1),
        (0.06, Spread(0.02, 0.02), 9, 6),
        (0.03, Spread(0.04, 0.01), 14, 2),
    ],
)
def test_power_is_how_often_a_report_sees_the_difference(difference, spread, pairs, comparisons):
    assert power(difference, spread, pairs, comparisons) == pytest.approx(
        seen(difference, spread, pairs, comparisons), abs=0.025
    )
    assert power(-difference, spread, pairs, comparisons) == power(difference, spread, pairs, comparisons)


@pytest.mark.parametrize("pairs", [20, 60, 400])
@pytest.mark.parametrize("size", [0.2, 0.5])
def test_of_many_seeds_without_patches_it_is_that_of_students_t(size, pairs):
    theirs = TTestPower().power(size, nobs=pairs, alpha=LEVEL, alternative="larger")
    upper = TTestPower().power(size, nobs=pairs, alpha=LEVEL / 2, alternative="larger")
    assert power(0.02 * size, Spread(0.02), pairs) == pytest.approx(upper, abs=0.01)
    assert power(0.02 * size, Spread(0.02), pairs) < theirs


def test_seeds_without_end_leave_what_patches_limit():
    spread = Spread(0.001, 0.01)
    assert power(0.02, spread, 5_000) == pytest.approx(norm.cdf(2 - 1.96), abs=0.005)
    assert seeds_to_show(0.02, spread) is None  # 52 % is the most that there is
    assert power(0.02, Spread(0.0, 0.01), 10) == pytest.approx(norm.cdf(2 - 1.96), abs=1e-4)


def test_however_large_a_difference_the_sign_flip_test_needs_its_seeds():
    assert seeds_to_show(1.0, Spread(0.001), 3) == seeds_to_show(1.0, Spread(0.0), 3) == seeds_needed(3) == 7
    assert power(1.0, Spread(0.001), 6, 3) == 0
    assert power(1.0, Spread(0.001), 1) == 0


def test_a_difference_that_is_nothing_beside_the_spread_takes_too_many():
    assert seeds_to_show(0.001, Spread(1.0)) is None
    found = seeds_to_show(0.05, Spread(1.0))
    assert found == pytest.approx((norm.ppf(0.975) + norm.ppf(0.8)) ** 2 / 0.05**2, rel=0.01)
    assert found < MOST_SEEDS


@pytest.mark.slow
@given(
    difference=st.floats(0.01, 0.2),
    seeds=st.floats(0.01, 0.1),
    patches=st.floats(0, 0.05),
    comparisons=st.integers(1, 20),
)
def test_seeds_to_show_are_the_fewest(difference, seeds, patches, comparisons):
    spread = Spread(seeds, patches)
    found = seeds_to_show(difference, spread, comparisons)
    if found is None:
        assert power(difference, spread, MOST_SEEDS, comparisons) < POWER + 0.01
        return
    assert power(difference, spread, found, comparisons) >= POWER
    if found > max(2, seeds_needed(comparisons)):
        assert power(difference, spread, found - 1, comparisons) < POWER


def test_the_interval_alone_is_that_of_t_without_patches():
    # With one comparison and many pairs both thresholds are t's, so power is that of one of them.
    assert t.ppf(0.975, 29) == pytest.approx(2.045, abs=1e-3)
    assert power(2.045 / math.sqrt(30), Spread(1.0), 30) == pytest.approx(0.5, abs=0.02)
