"""The probit model of paired arms: against SciPy's bivariate normal, and against drawn patches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

from raysat.reporting.analysis.probit import alike, both_right, difference_moments, paired_arms


@pytest.mark.parametrize("one", [-1.5, 0.0, 0.7])
@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.8, 0.99])
def test_both_right_is_the_bivariate_normal(one, correlation):
    other = 0.4
    theirs = multivariate_normal([0, 0], [[1, correlation], [correlation, 1]]).cdf([one, other])
    assert both_right(np.array([one]), np.array([other]), np.array([correlation]))[0] == pytest.approx(theirs, abs=1e-5)


@given(
    recall=st.floats(0.05, 0.95),
    share=st.floats(0.01, 0.99),  # of the disagreement that independent arms have
    persistence=st.floats(0.01, 0.95),
)
def test_equally_good_arms_disagree_as_was_said(recall, share, persistence):
    r = np.array([recall])
    discordance = share * 2 * r * (1 - r)
    arms = paired_arms(r, r, alike(r, discordance, np.array([persistence])))
    assert arms.steepness[0] == 1
    assert arms.across[0] == pytest.approx(recall * (1 - recall) - discordance[0] / 2, abs=1e-4)
    own = arms.base + arms.better - 2 * arms.across  # of their difference, again with every seed
    assert own[0] == pytest.approx(persistence * discordance[0], abs=2e-4)


def test_arms_that_differ_are_right_together_as_drawn_patches_say():
    """Effects of the patch, of arm and patch, and of all three: covariances of two seeds, and of two arms."""
    rng, patches, by_arm, by_both = np.random.default_rng(0), 400_000, 0.6, 0.8
    total = np.sqrt(1 + by_arm**2 + by_both**2)
    recalls = np.array([0.55, 0.8])
    own = rng.normal(size=patches) + by_arm * rng.normal(size=(2, 1, patches))
    right = total * norm.ppf(recalls)[:, None, None] + own + by_both * rng.normal(size=(2, 2, patches)) > 0
    equal = np.array([recalls[0]])
    of_seeds, of_arms = (1 + by_arm**2) / total**2, 1 / total**2
    seeds, arms = (
        multivariate_normal([0, 0], [[1, each], [each, 1]]).cdf(norm.ppf([recalls[0], recalls[0]])) - equal**2
        for each in (of_seeds, of_arms)
    )
    apart = equal * (1 - equal) - arms
    how = alike(equal, 2 * apart, (seeds - arms) / apart)
    found = paired_arms(equal, recalls[1:], how)
    drawn = np.cov(right.reshape(4, patches))
    assert found.base[0] == pytest.approx(drawn[0, 1], abs=0.003)
    assert found.better[0] == pytest.approx(drawn[2, 3], abs=0.003)
    assert found.across[0] == pytest.approx(drawn[:2, 2:].mean(), abs=0.003)


@pytest.mark.parametrize("seeds", [1, 6, None])
def test_what_arms_differ_by_on_a_patch_is_as_skewed_as_drawn_patches_say(seeds):
    rng, patches = np.random.default_rng(0), 300_000
    recall, better = np.array([0.85, 0.5]), np.array([0.9, 0.65])
    how = alike(recall, np.array([0.2, 0.3]), np.array([0.3, 0.7]))
    variance, third = difference_moments(recall, better, how, seeds)
    for k in range(2):
        shared = np.sqrt(how.of_arms[k]) * rng.normal(size=patches)
        right = []
        for each in (recall[k], better[k]):
            kept = norm.ppf(each) + shared + np.sqrt(how.of_seeds[k] - how.of_arms[k]) * rng.normal(size=patches)
            chance = norm.cdf(kept / np.sqrt(1 - how.of_seeds[k]))
            right.append(chance if seeds is None else rng.binomial(seeds, chance) / seeds)
        drawn = right[1] - right[0]
        assert variance[k] == pytest.approx(drawn.var(), rel=0.02)
        assert third[k] == pytest.approx(((drawn - drawn.mean()) ** 3).mean(), rel=0.05)
