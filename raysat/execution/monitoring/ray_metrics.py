"""Sets a run's metrics in this process; Ray's own thread sends them to the agent of its node, which Prometheus asks.

Setting one takes microseconds and waits for nobody. What goes wrong is logged once, and nothing else changes.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from raysat.execution.monitoring.catalog import Kind, MetricInfo

EVERY_S: Final = 2.0  # how often gauges are set again: what is set once, Ray sends once
_LAST_S: Final = 2.0  # for a thread that sets them just then
_SWITCH: Final = "RAY_enable_metrics_collection"  # Ray's
_OFF: Final = ("0", "false")
_logger: Final = logging.getLogger(__name__)


def are_collected() -> bool:
    """Whether this process's Ray was not told to leave metrics out, as a Ray that starts with a run is."""
    return os.environ.get(_SWITCH, "1").lower() not in _OFF


class RayMetrics:
    """The metrics of one study in this process."""

    def __init__(self, study: str) -> None:
        self._study = study
        self._known: dict[str, Any] = {}  # Ray's objects, by name
        self._is_broken = False

    def set(self, metric: MetricInfo, value: float, **labels: object) -> None:
        """Say what a gauge is now, in its unit."""
        self._record(metric, "set", value, labels)

    def add(self, metric: MetricInfo, amount: float, **labels: object) -> None:
        """Have a counter grow; by nothing where the amount is not above zero."""
        if amount > 0:
            self._record(metric, "inc", amount, labels)

    def observe(self, metric: MetricInfo, value: float, **labels: object) -> None:
        """Count a value in a histogram."""
        self._record(metric, "observe", value, labels)

    def _record(self, metric: MetricInfo, method: str, value: float, labels: dict[str, object]) -> None:
        if self._is_broken:
            return
        try:
            if metric.name not in self._known:
                self._known[metric.name] = _ray_metric(metric)
            tags = {label: _ascii(str(of)) for label, of in {"study": self._study, **labels}.items()}
            getattr(self._known[metric.name], method)(float(value), tags)
        except Exception:  # whatever it is, a run goes on without its metrics
            self._is_broken = True
            _logger.warning("the metric %s cannot be set: no more are", metric.name, exc_info=True)


@cache
def ray_metrics(study: str) -> RayMetrics:
    """The metrics of a study in this process, which may do many of its jobs."""
    return RayMetrics(study)


def _ascii(text: str) -> str:
    """A label as Ray takes it: other letters as Python would write them."""
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _ray_metric(metric: MetricInfo) -> Any:
    from ray.util import metrics

    if metric.kind is Kind.HISTOGRAM:
        return metrics.Histogram(metric.name, metric.meaning, boundaries=list(metric.buckets), tag_keys=metric.labels)
    kind = metrics.Gauge if metric.kind is Kind.GAUGE else metrics.Counter
    return kind(metric.name, metric.meaning, tag_keys=metric.labels)


@contextmanager
def no_matter() -> Iterator[None]:
    """Log what is raised within, and go on: a run does without its metrics."""
    try:
        yield
    except Exception:  # whatever it is
        _logger.warning("metrics cannot be exported", exc_info=True)


@contextmanager
def repeated(export: Callable[[], None]) -> Iterator[None]:
    """Within this, a thread exports every two seconds, until that fails; the last time is at the end, here."""
    over = threading.Event()

    def repeat() -> None:
        with no_matter():
            while not over.wait(EVERY_S):
                export()

    thread = threading.Thread(target=repeat, name="raysat metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_LAST_S)
        with no_matter():
            export()
