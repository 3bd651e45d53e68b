"""Ray's dashboard comes up beside the rest of Ray: of itself Ray waits for it, some two seconds, before it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from ray._private import ray_constants, services
from ray._private import worker as worker_module
from ray.experimental import internal_kv

_LATER: Final = b"127.0.0.1:0"  # what Ray is told while the dashboard has no address yet


@contextmanager
def dashboard_not_waited_for() -> Iterator[None]:
    """Have Ray start its dashboard and go on at once; afterwards ``dashboard_address`` waits for it."""
    start, look = services.start_api_server, internal_kv._internal_kv_get

    def answer_at_once(key: bytes, *others: Any, **named: Any) -> Any:
        return _LATER if key == ray_constants.DASHBOARD_ADDRESS else look(key, *others, **named)

    def start_alone(*others: Any, **named: Any) -> Any:
        internal_kv._internal_kv_get = answer_at_once
        try:
            return start(*others, **named)
        finally:
            internal_kv._internal_kv_get = look

    services.start_api_server = start_alone
    try:
        yield
    finally:
        services.start_api_server = start


def dashboard_address() -> str:
    """Wait until the dashboard of this process's Ray answers; return its URL. Raises RuntimeError if it ends."""
    node = worker_module._global_node
    (process,) = node.all_processes[ray_constants.PROCESS_TYPE_DASHBOARD]
    until = time.monotonic() + ray_constants.RAY_DASHBOARD_STARTUP_TIMEOUT_S
    while not (address := _address()):
        if process.process.poll() is not None or time.monotonic() > until:
            raise RuntimeError("its dashboard does not start")
        time.sleep(0.05)
    node._webui_url = address.decode()
    node.get_gcs_client().internal_kv_put(b"webui:url", address, True, ray_constants.KV_NAMESPACE_DASHBOARD)
    return f"http://{address.decode()}"


def _address() -> bytes | None:
    found: bytes | None = internal_kv._internal_kv_get(
        ray_constants.DASHBOARD_ADDRESS, namespace=ray_constants.KV_NAMESPACE_DASHBOARD
    )
    return found
