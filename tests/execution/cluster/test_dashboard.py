"""Ray's dashboard: Ray does not wait for it, its address is waited for afterwards, and one that ends is an error."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ray._private import ray_constants, services
from ray._private import worker as worker_module
from ray.experimental import internal_kv

from raysat.execution.cluster.dashboard import dashboard_address, dashboard_not_waited_for


class Node:
    """A node whose dashboard has a return code, once it has ended."""

    def __init__(self, code: int | None) -> None:
        started = SimpleNamespace(process=SimpleNamespace(poll=lambda: code))
        self.all_processes = {ray_constants.PROCESS_TYPE_DASHBOARD: [started]}
        self.put: list[tuple[object, ...]] = []

    def get_gcs_client(self) -> SimpleNamespace:
        return SimpleNamespace(internal_kv_put=lambda *given: self.put.append(given))


def test_its_address_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, node = iter([None, None, b"127.0.0.1:8265"]), Node(None)
    monkeypatch.setattr(worker_module, "_global_node", node)
    monkeypatch.setattr(internal_kv, "_internal_kv_get", lambda *_, **__: next(answers))
    assert dashboard_address() == "http://127.0.0.1:8265"
    assert node.put[0][:2] == (b"webui:url", b"127.0.0.1:8265")


def test_one_that_ends_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_global_node", Node(1))
    monkeypatch.setattr(internal_kv, "_internal_kv_get", lambda *_, **__: None)
    with pytest.raises(RuntimeError, match="its dashboard does not start"):
        dashboard_address()


def test_ray_is_told_at_once_of_the_dashboard_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> tuple[bytes, bytes]:
        look = internal_kv._internal_kv_get
        return look(ray_constants.DASHBOARD_ADDRESS), look(b"another")

    monkeypatch.setattr(services, "start_api_server", start)
    monkeypatch.setattr(internal_kv, "_internal_kv_get", lambda *_, **__: b"real")
    with dashboard_not_waited_for():
        assert services.start_api_server() == (b"127.0.0.1:0", b"real")
    assert services.start_api_server() == (b"real", b"real")
    assert services.start_api_server is start
