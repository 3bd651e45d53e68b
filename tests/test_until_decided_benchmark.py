"""The benchmark of studies that add seeds until decided, on fewer studies: errors stay under 5 %, effects are found."""

import pytest
from scipy.stats import binomtest

from tests.helpers.benchmarks import load_benchmark


@pytest.mark.slow
def test_studies_without_an_effect_rarely_decide_and_large_effects_end_early():
    benchmark = load_benchmark("until_decided")
    studies = 300
    found = {(spread, effect): of for spread, effect, of in benchmark.simulate(studies)}
    for spread in benchmark.SPREADS:
        no, small, large = (found[spread, effect] for effect in benchmark.EFFECTS)
        assert binomtest(no.any, studies, 0.05, alternative="greater").pvalue > 0.01
        assert no.repeated > no.any
        assert no.decided < small.decided < large.decided
        assert no.seeds >= small.seeds > large.seeds
