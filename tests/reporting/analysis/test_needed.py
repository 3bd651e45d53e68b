"""What it takes to show a difference: the spread pooled by hand, and seeds by statsmodels."""

from __future__ import annotations

import math
from statistics import variance

import pytest
from statsmodels.stats.power import TTestPower

from raysat.metrics.catalog import BALANCED_ACCURACY, ICV
from raysat.metrics.power import LEVEL, seeds_needed
from raysat.reporting.analysis.analyze import analyze
from raysat.reporting.analysis.collect import collect
from raysat.reporting.analysis.needed import any_shown, needed
from raysat.reporting.analysis.sample_size import POWER

ALIKE = {"a": (0.8, 0.7, 0.7, 0.6), "b": (0.8, 0.7, 0.7, 0.6), "c": (0.8, 0.7, 0.7, 0.6)}


@pytest.mark.parametrize("metric", [BALANCED_ACCURACY, ICV])
def test_the_spread_is_pooled_over_comparisons_and_asks_for_seeds_as_statsmodels_does(make_run, metric):
    arms = collect(make_run(ALIKE, seeds=range(6), missing=[("c", 0), ("c", 5)])).ranked
    values = {arm.name: dict(zip(arm.seeds, arm.metrics[metric].values, strict=True)) for arm in arms}
    b = [values["b"][seed] - values["a"][seed] for seed in range(6)]
    c = [values["c"][seed] - values["a"][seed] for seed in range(1, 5)]
    found = needed(arms, "a", metric)
    assert (found.comparisons, found.pairs) == (2, 6)
    assert found.sd == pytest.approx(math.sqrt((5 * variance(b) + 3 * variance(c)) / 8))
    for size, seeds in found.seeds.items():
        theirs = TTestPower().solve_power(size / found.sd, alpha=LEVEL / 2, power=POWER)
        assert seeds == max(math.ceil(theirs), seeds_needed(2))


def test_one_pair_or_none_has_no_spread(make_run):
    single = collect(make_run(ALIKE, seeds=(0,))).ranked
    assert (needed(single, "a", ICV).pairs, needed(single, "a", ICV).sd, needed(single, "a", ICV).seeds) == (
        1,
        None,
        {},
    )
    missing = [("a", 0), ("b", 1), ("c", 1)]
    apart = needed(collect(make_run(ALIKE, seeds=(0, 1), missing=missing, folder="apart")).ranked, "a", ICV)
    assert (apart.comparisons, apart.pairs, apart.sd) == (0, 0, None)


def test_a_difference_is_shown_by_the_corrected_test_alone(make_run):
    far = {"good": (0.95,) * 4, "bad": (0.3,) * 4}
    few, enough = (analyze([make_run(far, seeds=range(n), folder=f"{n}").root]) for n in (5, 6))
    assert few.to_best["bad"][BALANCED_ACCURACY].excludes_zero
    assert not few.shown  # five seeds: p is 0.0625 at least
    assert enough.shown
    assert any_shown(BALANCED_ACCURACY, enough.to_best)
    assert not any_shown(BALANCED_ACCURACY, {}, {"bad": {}})
