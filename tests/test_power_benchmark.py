"""The benchmark of power, on fewer studies: what is predicted is what simulated studies see."""

import importlib.util
import sys

import pytest
from scipy.stats import binomtest

from tests.helpers.paths import ROOT


@pytest.mark.slow
def test_predicted_power_is_what_simulated_studies_see():
    spec = importlib.util.spec_from_file_location("power_benchmark", ROOT / "benchmarks" / "power.py")
    assert spec is not None
    assert spec.loader is not None
    benchmark = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = benchmark
    spec.loader.exec_module(benchmark)
    studies = 150
    setting, effects = benchmark.SETTINGS[1]
    for metric, effect in zip(benchmark.METRICS.values(), effects, strict=True):
        told = benchmark.predicted(setting, metric, effect)
        assert 0.1 < told < 0.95
        seen = benchmark.simulated(setting, metric, effect, studies)
        ends = binomtest(seen, studies).proportion_ci(0.99)
        assert ends.low - 0.08 < told < ends.high + 0.08, metric.label  # what the page says of its error
