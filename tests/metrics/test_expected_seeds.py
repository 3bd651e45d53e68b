"""Following studies until decided, beside one that is followed by hand; what plans are told."""

import numpy as np
import pytest
from scipy import stats

from raysat.metrics.expected_seeds import expected_seeds, looks_p, stop
from raysat.metrics.spending import Schedule
from raysat.reporting.analysis.significance import holm

SIZES = (4, 8, 12)


def test_p_at_looks_is_that_of_students_t():
    differences = np.random.default_rng(0).normal(0.3, 1, (5, 2, 12))
    found = looks_p(differences, SIZES)
    for k, size in enumerate(SIZES):
        assert found[..., k] == pytest.approx(stats.ttest_1samp(differences[..., :size], 0, axis=-1).pvalue)
    assert (looks_p(differences, SIZES, 0.5) >= 0).all()
    assert looks_p(np.zeros((1, 12)), SIZES).tolist() == [[1, 1, 1]]


@pytest.mark.slow
def test_studies_stop_where_holm_over_the_p_of_all_looks_says_so():
    schedule = Schedule(SIZES)
    p = looks_p(np.random.default_rng(2).normal([[[0.6], [1.0], [1.6]]], 1, (60, 3, 12)), SIZES)
    seeds, decided = stop(schedule, p)
    assert len(set(seeds)) > 1
    for study in range(60):
        size = 0
        for k, size in enumerate(SIZES):  # noqa: B007
            over = holm([schedule.sequential_p(of[: k + 1]) for of in p[study]])
            if all(value <= 0.05 for value in over):
                break
        assert seeds[study] == size
        assert decided[study].tolist() == [value <= 0.05 for value in over]


def test_a_large_effect_takes_fewer_seeds_than_none():
    no, small, large = expected_seeds(Schedule((5, 10, 15, 20, 25, 30)), 1)
    assert no.seeds > small.seeds > large.seeds
    assert no.decided <= 0.06
    assert large.decided > 0.99
