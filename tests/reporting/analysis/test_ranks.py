"""Mean ranks over data sets, beside scipy's Friedman test and the printed example of Demsar (2006)."""

import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from raysat.reporting.analysis.ranks import mean_ranks

# Demsar (JMLR 7, 2006), table 6: AUC of C4.5 with and without tuning of m and cf, on 14 data sets.
ARMS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
AUC = [
    (0.763, 0.768, 0.771, 0.798),
    (0.599, 0.591, 0.590, 0.569),
    (0.954, 0.971, 0.968, 0.967),
    (0.628, 0.661, 0.654, 0.657),
    (0.882, 0.888, 0.886, 0.898),
    (0.936, 0.931, 0.916, 0.931),
    (0.661, 0.668, 0.609, 0.685),
    (0.583, 0.583, 0.563, 0.625),
    (0.775, 0.838, 0.866, 0.875),
    (1.000, 1.000, 1.000, 1.000),
    (0.940, 0.962, 0.965, 0.962),
    (0.619, 0.666, 0.614, 0.669),
    (0.972, 0.981, 0.9751, 0.975),
    (0.957, 0.978, 0.946, 0.970),
]


def test_the_example_of_demsar_comes_out_as_printed() -> None:
    found = mean_ranks(ARMS, AUC)
    ranks = dict(zip(found.arms, found.ranks, strict=True))
    assert [round(ranks[arm], 3) for arm in ARMS] == [3.143, 2.0, 2.893, 1.964]
    assert found.critical == pytest.approx(1.25, abs=0.01)  # the paper rounds to 1.25
    assert found.p is not None
    assert found.p < 0.05
    assert found.alike() == (tuple(found.arms),)  # 3.143 - 1.964 = 1.18: no pair lies further apart


def test_the_test_is_friedmans_with_ties() -> None:
    rng = np.random.default_rng(0)
    for n, k in ((3, 3), (8, 4), (20, 7)):
        values = rng.integers(0, 5, (n, k)).astype(float)
        chi2 = friedmanchisquare(*values.T).statistic
        f = (n - 1) * chi2 / (n * (k - 1) - chi2)
        from scipy.stats import f as fisher

        assert mean_ranks(range(k), values).p == pytest.approx(fisher.sf(f, k - 1, (k - 1) * (n - 1)))


def test_lower_can_be_better_and_groups_are_as_large_as_can_be() -> None:
    values = np.tile([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (12, 1))
    found = mean_ranks("abcdef", values, lower_is_better=True)
    assert found.arms == tuple("abcdef")
    assert found.ranks == (1, 2, 3, 4, 5, 6)
    assert found.p == 0.0
    assert found.critical == pytest.approx(2.85 * np.sqrt(6 * 7 / (6 * 12)), abs=0.01)  # Demsar's table 5
    assert found.alike() == (tuple("abc"), tuple("bcd"), tuple("cde"), tuple("def"))


def test_two_arms_and_one_data_set_are_ranked_alone() -> None:
    assert mean_ranks("ab", [(1, 2), (1, 2)]).p is None
    assert mean_ranks("abc", [(1, 2, 3)]).critical is None
    assert mean_ranks("abc", [(1, 2, 3)]).alike() == ()
    assert mean_ranks("abc", [(1, 1, 1), (2, 2, 2)]).p == 1.0
