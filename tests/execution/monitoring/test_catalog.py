"""The table of metrics: names that Prometheus takes, one word for one thing."""

import re

import pytest

from raysat.execution.monitoring.catalog import METRICS, Kind, MetricInfo, TrialState
from raysat.views.status import _STATES


def test_names_are_stable_words_of_prometheus() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert {metric.series for metric in METRICS if metric.kind is Kind.COUNTER} == {
        "ray_raysat_images_total",
        "ray_raysat_epochs_total",
        "ray_raysat_checkpoint_bytes_total",
    }


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_can_be_told_from_its_entry(metric: MetricInfo) -> None:
    assert re.fullmatch(r"raysat_[a-z]+(_[a-z]+)*", metric.name)
    assert not metric.name.endswith(("_total", "_count", "_sum", "_bucket")), "Prometheus adds these"
    assert metric.labels[0] == "study"
    assert set(metric.labels) <= {"study", "arm", "seed", "kind", "state"}, "none that grows with epochs"
    assert "arm" not in metric.labels or metric.kind is Kind.GAUGE, "an agent never forgets a counter"
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.meaning[-1] != "."
    assert metric.meaning.isascii(), "Ray takes no other letters"


def test_states_are_those_of_status() -> None:
    assert {*_STATES} < {*TrialState}
