"""The levels of several looks: published boundaries, the error rate by simulation, p-values over looks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from raysat.metrics.spending import LEAST_BLOCK, MOST_LOOKS, Schedule, look_sizes, obrien_fleming, pocock, quadratic

MANY = [400 * k for k in range(1, 6)]  # seeds: Student's t is nearly normal


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spending", "published"),
    [  # Lan & DeMets 1983, as tables and ldbounds print them: five equal looks, two-sided 5 %
        (obrien_fleming, [4.877, 3.357, 2.680, 2.290, 2.031]),
        (pocock, [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_with_many_seeds_boundaries_are_the_published_ones(spending, published):
    found = stats.norm.isf(Schedule(MANY, spending).levels() / 2)
    assert found == pytest.approx(published, abs=0.006)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(5, 10, 15, 20, 25, 30), (2, 4, 6), (3, 6, 11), (10, 30)])
@pytest.mark.parametrize("spending", [quadratic, pocock])
def test_looks_at_few_seeds_err_as_often_as_is_spent(sizes, spending):
    studies = 100_000
    differences = np.random.default_rng(1).normal(0, 3, (studies, sizes[-1]))
    levels, crossed = Schedule(sizes, spending).levels(), np.zeros(studies, bool)
    for size, level in zip(sizes, levels, strict=True):
        crossed |= stats.ttest_1samp(differences[:, :size], 0, axis=1).pvalue <= level
        spent = spending(0.05, size / sizes[-1])
        assert crossed.mean() == pytest.approx(spent, abs=4 * math.sqrt(spent / studies))


@given(
    st.lists(st.floats(1e-6, 1), min_size=1, max_size=3),
    st.floats(0.001, 0.5),
)
@settings(max_examples=30, deadline=None)
def test_a_p_over_looks_is_below_a_level_just_where_a_look_crosses_its_boundary(p, level):
    schedule = Schedule((5, 10, 15, 20))
    over = schedule.sequential_p(p)
    crosses = bool((np.array(p) <= schedule.levels(level)[: len(p)]).any())
    assert crosses == (over <= level) or over == pytest.approx(level, rel=1e-5)
    assert schedule.sequential_p([*p, 1.0]) == pytest.approx(over)  # later looks take nothing back
    assert over >= min(p)


def test_one_look_is_the_plain_test():
    assert Schedule((8,)).levels()[0] == pytest.approx(0.05, rel=1e-3)
    assert Schedule((8,)).sequential_p([0.03]) == pytest.approx(0.03, rel=1e-3)
    assert Schedule((8,)).sequential_p([]) == 1


@given(st.integers(1, 60), st.integers(1, 1000))
def test_looks_come_after_whole_blocks_and_the_last_takes_the_rest(block, most):
    sizes = look_sizes(block, most)
    if most < max(block, LEAST_BLOCK):
        assert sizes == ()
        return
    assert sizes[-1] == most
    assert len(sizes) <= MOST_LOOKS
    assert all(more - few >= max(block, LEAST_BLOCK) for few, more in zip((0, *sizes), sizes, strict=False))


def test_a_study_of_five_seeds_is_looked_at_every_five():
    assert look_sizes(5, 30) == (5, 10, 15, 20, 25, 30)
    assert look_sizes(1, 7) == (2, 4, 7)
