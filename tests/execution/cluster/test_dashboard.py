"""Ray's dashboard: nothing waits for it; its address is told when it answers, and that there is none where it ends."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import repeat
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest
from ray._private import ray_constants, services
from ray._private import worker as worker_module
from ray.experimental import internal_kv

from raysat.execution.cluster import dashboard
from raysat.execution.cluster.dashboard import dashboard_announced, dashboard_not_waited_for


class Node:
    """A node whose dashboard has a return code, once it has ended."""

    def __init__(self, code: int | None) -> None:
        started = SimpleNamespace(process=SimpleNamespace(poll=lambda: code))
        self.all_processes = {ray_constants.PROCESS_TYPE_DASHBOARD: [started]}
        self.put: list[tuple[object, ...]] = []

    def get_gcs_client(self) -> SimpleNamespace:
        return SimpleNamespace(internal_kv_put=lambda *given: self.put.append(given))


def told(answers: Iterable[bytes | None], code: int | None, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Node]:
    """What is told of a dashboard while work goes on."""
    left, node, heard, begun = iter(answers), Node(code), Queue[str | None](), list[bool]()
    monkeypatch.setattr(dashboard, "_BEGINS_AFTER_S", 0.1)
    monkeypatch.setattr(worker_module, "_global_node", node)
    monkeypatch.setattr(internal_kv, "_internal_kv_get", lambda *_, **__: next(left))
    with dashboard_announced(lambda: begun.append(True), heard.put):
        url = heard.get(timeout=10)
    assert begun == [True]
    return url, node


def test_its_address_is_told_as_soon_as_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    url, node = told([None, None, b"127.0.0.1:8265"], None, monkeypatch)
    assert url == "http://127.0.0.1:8265"
    assert node.put[0][:2] == (b"webui:url", b"127.0.0.1:8265")


def test_of_one_that_ends_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(repeat(None), 1, monkeypatch)[0] is None


def test_nothing_is_told_after_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_global_node", Node(None))
    monkeypatch.setattr(internal_kv, "_internal_kv_get", lambda *_, **__: None)
    monkeypatch.setattr(dashboard, "_BEGINS_AFTER_S", 0.0)
    heard: list[str | None] = []
    with dashboard_announced(lambda: None, heard.append):
        pass
    assert not heard


def test_for_a_short_run_it_does_not_begin() -> None:
    begun: list[bool] = []
    with dashboard_announced(lambda: begun.append(True), lambda _: None):
        pass
    assert not begun


def test_ray_is_told_at_once_of_the_dashboard_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    patience: list[float] = []

    def start() -> tuple[bytes, bytes]:
        patience.append(float(os.environ.get("RAY_DASHBOARD_SUBPROCESS_MODULE_WAIT_READY_TIMEOUT", "30")))
        look = internal_kv._internal_kv_get
        return look(ray_constants.DASHBOARD_ADDRESS), look(b"another")

    monkeypatch.setattr(services, "start_api_server", start)
    monkeypatch.setattr(internal_kv, "_internal_kv_get", lambda *_, **__: b"real")
    with dashboard_not_waited_for():
        assert services.start_api_server() == (b"127.0.0.1:0", b"real")
    assert services.start_api_server() == (b"real", b"real")
    assert services.start_api_server is start
    assert patience[0] > 60, "its parts come up late where all cores are busy"
    assert patience[1] == 30
