"""The benchmark of power, on fewer studies: what is predicted is what simulated studies see."""

import pytest
from scipy.stats import binomtest

from tests.helpers.benchmarks import load_benchmark


@pytest.mark.slow
def test_predicted_power_is_what_simulated_studies_see():
    benchmark = load_benchmark("power")
    studies = 150
    setting, effects = benchmark.SETTINGS[1]
    for metric, effect in zip(benchmark.METRICS.values(), effects, strict=True):
        told = benchmark.predicted(setting, metric, effect)
        assert 0.1 < told < 0.95
        seen = benchmark.simulated(setting, metric, effect, studies)
        ends = binomtest(seen, studies).proportion_ci(0.99)
        assert ends.low - 0.03 < told < ends.high + 0.03, metric.label  # what the page says of its error
