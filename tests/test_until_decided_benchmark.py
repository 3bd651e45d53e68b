"""The benchmark of studies that add seeds until decided, on fewer studies: errors stay under 5 %, effects are found."""

import importlib.util
import sys

import pytest
from scipy.stats import binomtest

from tests.helpers.paths import ROOT


@pytest.mark.slow
def test_studies_without_an_effect_rarely_decide_and_large_effects_end_early():
    spec = importlib.util.spec_from_file_location("until_decided", ROOT / "benchmarks" / "until_decided.py")
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = benchmark
    spec.loader.exec_module(benchmark)
    studies = 300
    found = {(spread, effect): of for spread, effect, of in benchmark.simulate(studies)}
    for spread in benchmark.SPREADS:
        no, small, large = (found[spread, effect] for effect in benchmark.EFFECTS)
        assert binomtest(no.any, studies, 0.05, alternative="greater").pvalue > 0.01
        assert no.repeated > no.any
        assert no.decided < small.decided < large.decided
        assert no.seeds >= small.seeds > large.seeds
