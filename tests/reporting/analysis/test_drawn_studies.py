"""Power by drawn studies: against patches that are drawn one by one, and against formulas where there are some."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV, RECALL
from raysat.metrics.power import LEVEL
from raysat.reporting.analysis.drawn_studies import drawn_power
from raysat.reporting.analysis.patch_variance import Behaviour, TestPatches, icv_of, paired_recalls, spread_of
from raysat.reporting.analysis.sample_size import Spread, power
from raysat.reporting.analysis.significance import sign_flip

pytestmark = pytest.mark.slow

SIZES = (120, 40, 30)
RECALLS = np.array([0.8, 0.6, 0.5])
STRANGERS = Behaviour(  # arms and seeds that are right on patches independently of each other
    recall=tuple(RECALLS), discordance=tuple(2 * RECALLS * (1 - RECALLS)), persistence=(0.0,) * 3, seed_sd=(0.0,) * 3
)


def of_strangers(metric, effect, pairs, comparisons, studies=20_000):
    """How often drawn studies see it: binomial recalls, the test, and Student's t, as all patches do they do anew."""
    rng, sizes = np.random.default_rng(0), np.array(SIZES)
    pair = paired_recalls(metric, effect, STRANGERS, TestPatches(sizes=SIZES))
    values = []
    for recall in (pair.recall, pair.better):
        drawn = rng.binomial(sizes, recall, (studies, pairs, 3)) / sizes
        values.append(-icv_of(drawn, sizes)[0] if metric == ICV else drawn @ pair.weight)
    d = values[1] - values[0]
    above = d.mean(axis=1) > t.ppf(1 - LEVEL / 2, pairs - 1) * d.std(axis=1, ddof=1) / np.sqrt(pairs)
    return float((above & (sign_flip(d) <= LEVEL / comparisons)).mean())


@pytest.mark.parametrize(
    ("metric", "effect", "pairs", "comparisons"),
    [
        (BALANCED_ACCURACY, 0.08, 6, 1),
        (BALANCED_ACCURACY, 0.06, 14, 6),
        (ICV, 0.04, 8, 1),
        (ICV, 0.04, 10, 6),
        (RECALL.of_class(2), 0.2, 6, 1),  # by steps of a thirtieth: a seed without a difference costs the test
        (RECALL.of_class(2), 0.2, 8, 6),
    ],
)
def test_it_is_what_studies_of_binomial_recalls_see(metric, effect, pairs, comparisons):
    pair = paired_recalls(metric, effect, STRANGERS, TestPatches(sizes=SIZES))
    told = drawn_power(pair, pairs, comparisons, studies=16_000)
    assert 0.15 < told < 0.95
    assert told == pytest.approx(of_strangers(metric, effect, pairs, comparisons), abs=0.025)


@pytest.mark.parametrize("seeds", [6, 20, 60])
def test_of_balanced_accuracy_on_very_many_patches_it_is_that_of_normal_differences(seeds):
    quiet = Behaviour(recall=(0.7, 0.6), discordance=(0.01,) * 2, persistence=(0.3,) * 2, seed_sd=(0.04,) * 2)
    patches, effect = TestPatches(sizes=(1_000_000, 1_000_000)), 0.08 / np.sqrt(seeds)
    told = drawn_power(paired_recalls(BALANCED_ACCURACY, effect, quiet, patches), seeds, studies=16_000)
    spread = spread_of(BALANCED_ACCURACY, effect, quiet, patches)
    assert spread.seeds == pytest.approx(0.04 / np.sqrt(2), rel=0.05)  # less where recalls are higher
    assert told == pytest.approx(power(effect, Spread(spread.seeds), seeds), abs=0.02)


def test_seeds_without_end_leave_what_patches_limit():
    usual = Behaviour(recall=(0.7, 0.6), discordance=(0.2,) * 2, persistence=(0.5,) * 2, seed_sd=(0.02,) * 2)
    patches = TestPatches(sizes=(400, 300))
    spread = spread_of(BALANCED_ACCURACY, 0.05, usual, patches).patches
    pair = paired_recalls(BALANCED_ACCURACY, 0.05, usual, patches)
    endless = drawn_power(pair, None, studies=16_000)
    assert endless == pytest.approx(norm.cdf(0.05 / spread - 1.96), abs=0.02)
    assert drawn_power(pair, 5_000, studies=16_000) == pytest.approx(endless, abs=0.02)


@pytest.mark.parametrize("metric", [BALANCED_ACCURACY, ICV])
def test_one_by_one_and_all_at_once_meet(metric):
    usual = Behaviour(recall=(0.8, 0.5, 0.6), discordance=(0.3,) * 3, persistence=(0.1,) * 3, seed_sd=(0.05,) * 3)
    pair = paired_recalls(metric, 0.04, usual, TestPatches(sizes=SIZES))
    each, at_once = (drawn_power(pair, seeds, 3, studies=16_000) for seeds in (40, 41))
    assert 0.1 < each < 0.97
    assert at_once == pytest.approx(each, abs=0.03)


def test_too_few_seeds_see_nothing_and_the_same_question_has_the_same_answer():
    pair = paired_recalls(BALANCED_ACCURACY, 0.3, STRANGERS, TestPatches(sizes=SIZES))
    assert drawn_power(pair, 5) == drawn_power(pair, 7, 6) == 0
    assert drawn_power(pair, 6) == drawn_power(pair, 6) > 0.9


def test_many_classes_are_drawn_less_often():
    k = 200
    many = Behaviour(recall=(0.6,) * k, discordance=(0.3,) * k, persistence=(0.3,) * k, seed_sd=(0.05,) * k)
    told = drawn_power(paired_recalls(BALANCED_ACCURACY, 0.01, many, TestPatches(sizes=(20,) * k)), 10)
    assert 0.3 < told <= 1


def test_spreads_of_icv_are_those_of_drawn_recalls():
    usual = Behaviour(recall=(0.85, 0.55, 0.6), discordance=(0.3,) * 3, persistence=(0.5,) * 3, seed_sd=(0.06,) * 3)
    patches, rng, studies, seeds = TestPatches(sizes=SIZES), np.random.default_rng(0), 20_000, 6
    pair = paired_recalls(ICV, 0.03, usual, patches)
    covariance = np.array([[pair.arms.base, pair.arms.across], [pair.arms.across, pair.arms.better]]) * pair.per_patch
    shift = np.stack([rng.multivariate_normal([0, 0], covariance[:, :, k], studies) for k in range(3)], axis=-1)
    noise = rng.normal(size=(studies, 2, seeds, 3)) * np.sqrt(np.array(pair.by_seed))[:, None]
    recalls = np.array([pair.recall, pair.better])[:, None] + shift[:, :, None] + noise
    icv = icv_of(recalls, np.array(SIZES))[0]
    d = icv[:, 0] - icv[:, 1]
    within = d.var(axis=1, ddof=1).mean()
    found = spread_of(ICV, 0.03, usual, patches)
    assert found.seeds**2 == pytest.approx(within, rel=0.03)
    assert found.patches**2 == pytest.approx(d.mean(axis=1).var(ddof=1) - within / seeds, rel=0.05)
