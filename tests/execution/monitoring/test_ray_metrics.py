"""Metrics that cannot be set: said once in the log, and no matter to the run."""

import logging
import threading

import pytest

from raysat.execution.monitoring.catalog import IMAGES, LOSS, RETRIES
from raysat.execution.monitoring.ray_metrics import RayMetrics, are_collected, repeated


def test_what_ray_refuses_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    metrics = RayMetrics("study")
    with caplog.at_level(logging.WARNING):
        metrics.set(LOSS, 1.0, epoch=3)  # a label that it has not
        metrics.set(LOSS, 1.0, arm="a", seed=0)
        metrics.add(IMAGES, 3, kind="train")
    (record,) = caplog.records
    assert "raysat_training_loss" in record.getMessage()
    assert record.exc_info is not None


def test_names_may_have_letters_that_ray_refuses(caplog: pytest.LogCaptureFixture) -> None:
    RayMetrics("study").set(LOSS, 1.0, arm="\N{GREEK SMALL LETTER LAMDA} \N{SNOWMAN}", seed=0)
    assert not caplog.records


def test_nothing_is_no_growth_of_a_counter(caplog: pytest.LogCaptureFixture) -> None:
    """Ray raises an error for it."""
    metrics = RayMetrics("study")
    metrics.add(IMAGES, 0, kind="train")
    metrics.add(IMAGES, -2, kind="train")
    metrics.set(RETRIES, 0)
    assert not caplog.records


@pytest.mark.parametrize(("value", "on"), [(None, True), ("1", True), ("0", False), ("false", False), ("False", False)])
def test_they_are_off_where_rays_agent_has_them_off(
    monkeypatch: pytest.MonkeyPatch, value: str | None, on: bool
) -> None:
    monkeypatch.delenv("RAY_enable_metrics_collection", raising=False)
    if value is not None:
        monkeypatch.setenv("RAY_enable_metrics_collection", value)
    assert are_collected() is on


def test_what_an_export_raises_is_no_matter(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise RuntimeError("no such device")

    with caplog.at_level(logging.WARNING), repeated(fail):
        pass
    assert [record.getMessage() for record in caplog.records] == ["metrics cannot be exported"]


def test_a_thread_exports_until_the_end_and_once_there() -> None:
    exported: list[str] = []
    with repeated(lambda: exported.append(threading.current_thread().name)):
        assert not exported
    assert exported == [threading.current_thread().name]
    assert "raysat metrics" not in [thread.name for thread in threading.enumerate()]
