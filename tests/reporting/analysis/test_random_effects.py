"""Effects over data sets, beside statsmodels, the published analysis of the BCG trials, and simulated truths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import t
from statsmodels.stats.meta_analysis import combine_effects

from raysat.reporting.analysis.random_effects import paule_mandel, pool

# Colditz et al. 1994: vaccinated and not, who fell ill and who did not, in 13 trials.
BCG = np.array(
    [
        (4, 119, 11, 128),
        (6, 300, 29, 274),
        (3, 228, 11, 209),
        (62, 13536, 248, 12619),
        (33, 5036, 47, 5761),
        (180, 1361, 372, 1079),
        (8, 2537, 10, 619),
        (505, 87886, 499, 87892),
        (29, 7470, 45, 7232),
        (17, 1699, 65, 1600),
        (186, 50448, 141, 27197),
        (5, 2493, 3, 2338),
        (27, 16886, 29, 17825),
    ]
).T


def bcg() -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of relative risks, and their standard errors."""
    a, b, c, d = BCG
    return np.log(a / (a + b)) - np.log(c / (c + d)), np.sqrt(1 / a - 1 / (a + b) + 1 / c - 1 / (c + d))


def test_the_bcg_trials_come_out_as_published() -> None:
    """Viechtbauer (2010) and metafor's documentation: tau2 .318 by Paule and Mandel, mean -.7150."""
    found = pool(*bcg())
    assert found.tau**2 == pytest.approx(0.3181, abs=1e-4)
    assert found.value == pytest.approx(-0.7150, abs=1e-4)
    assert found.q_p is not None
    assert found.q_p < 1e-4
    assert found.i2 == pytest.approx(0.9212, abs=1e-4)


@pytest.mark.parametrize("k", [2, 3, 5, 8, 20])
def test_mean_and_interval_are_those_of_statsmodels(k: int) -> None:
    rng, compared = np.random.default_rng(k), 0
    for spread in np.linspace(0.01, 0.5, 30):
        effects, errors = rng.normal(0.05, spread, k), rng.uniform(0.005, 0.06, k)
        theirs = combine_effects(effects, errors**2, method_re="iterated", use_t=True, atol=1e-13)
        left = excess(effects, errors**2, theirs.tau2)
        if left > 1e-6 or (theirs.tau2 > 0 and left < -1e-6):
            continue  # it gives up after some steps
        compared += 1
        ours = pool(effects, errors)
        assert ours.value == pytest.approx(theirs.mean_effect_re, abs=1e-7)
        assert ours.tau**2 == pytest.approx(theirs.tau2, abs=1e-7)
        assert ours.i2 == pytest.approx(max(0.0, theirs.i2), abs=1e-9)
        error = max(theirs.sd_eff_w_re_hksj, theirs.sd_eff_w_re)
        assert ours.low == pytest.approx(theirs.mean_effect_re - t.ppf(0.975, k - 1) * error, abs=1e-6)
        assert ours.high == pytest.approx(theirs.mean_effect_re + t.ppf(0.975, k - 1) * error, abs=1e-6)
    assert compared >= 5


def excess(effects: np.ndarray, variances: np.ndarray, tau2: float) -> float:
    """Cochran's Q minus K - 1, which the variance between data sets brings to zero."""
    weights = 1 / (variances + tau2)
    return float(weights @ (effects - weights @ effects / weights.sum()) ** 2) - (len(effects) - 1)


@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0.001, 0.5)), min_size=2, max_size=12),
    st.floats(-1, 1),
    st.floats(0.01, 100),
)
def test_the_variance_between_data_sets_is_the_root_and_moves_with_the_scale(
    pairs: list[tuple[float, float]], shift: float, scale: float
) -> None:
    effects, variances = np.array([d for d, _ in pairs]), np.array([s for _, s in pairs]) ** 2
    found = paule_mandel(effects, variances)
    above = excess(effects, variances, 0) > 0
    root = brentq(lambda tau2: excess(effects, variances, tau2), 0, 100, xtol=1e-14) if above else 0.0
    assert found == pytest.approx(root, abs=1e-9)
    moved = paule_mandel(scale * (effects + shift), scale**2 * variances)
    assert moved == pytest.approx(scale**2 * found, rel=1e-5, abs=1e-8 * scale**2)


def test_one_data_set_has_no_interval_and_two_no_prediction() -> None:
    one, two = pool([0.1], [0.02]), pool([0.1, 0.2], [0.02, 0.02])
    assert (one.value, one.low, one.p, one.predicted, one.n) == (0.1, None, None, None, 1)
    assert two.low is not None
    assert two.predicted is None
    with pytest.raises(ValueError, match="standard error"):
        pool([], [])


def test_arms_that_never_differ_gain_nothing_for_sure() -> None:
    found = pool([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    assert (found.value, found.tau, found.i2, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert not found.excludes_zero


def test_a_data_set_on_which_nothing_varied_does_not_decide_the_mean() -> None:
    """Two arms that learned nothing there do the same on every seed and patch: that is not the surest of results."""
    found, usual = pool([0.06, 0.05, 0.0], [0.02, 0.03, 0.0]), pool([0.06, 0.05, 0.0], [0.02, 0.03, 0.03])
    assert found == usual
    assert 0.02 < found.value < 0.06
    assert found.low is not None
    assert found.low < 0 < found.value


@pytest.mark.slow
@pytest.mark.parametrize(("k", "tau"), [(3, 0.0), (3, 0.05), (6, 0.02), (12, 0.05)])
def test_intervals_cover_the_mean_and_a_further_data_set(k: int, tau: float) -> None:
    """Errors are those of data sets of unlike size; n = 1,000 simulated studies each.

    Where data sets hardly differ, the prediction interval covers less than it says (Partlett & Riley 2017).
    """
    rng, covered, predicted = np.random.default_rng(k), 0, 0
    for _ in range(1_000):
        errors = rng.uniform(0.01, 0.05, k)
        found = pool(0.03 + rng.normal(0, np.hypot(tau, errors)), errors)
        covered += found.low <= 0.03 <= found.high
        low, high = found.predicted
        predicted += low <= 0.03 + tau * rng.normal() <= high
    assert 935 <= covered <= 1000
    assert predicted >= 870
