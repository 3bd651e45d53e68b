"""Ray's dashboard comes up beside the run, and after its first jobs: of itself Ray waits some two seconds for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from ray._private import ray_constants, services
from ray._private import worker as worker_module
from ray.exceptions import RpcError
from ray.experimental import internal_kv

from raysat.execution.cluster.local_ray import environment

_LAST_LOOK_S: Final = 2.0
_BEGINS_AFTER_S: Final = 4.0  # it takes as much of a core to come up as all else of Ray; short runs do without
_LATER: Final = b"127.0.0.1:0"  # what Ray is told while the dashboard has no address yet
# Its parts have 30 s to come up, or it ends: too little of low priority beside busy cores, and nobody waits for them.
_PATIENCE: Final = {"RAY_DASHBOARD_SUBPROCESS_MODULE_WAIT_READY_TIMEOUT": "3600"}


@contextmanager
def dashboard_not_waited_for() -> Iterator[None]:
    """Have Ray start its dashboard and go on at once; ``dashboard_announced`` waits for it."""
    start, look = services.start_api_server, internal_kv._internal_kv_get

    def answer_at_once(key: bytes, *others: Any, **named: Any) -> Any:
        return _LATER if key == ray_constants.DASHBOARD_ADDRESS else look(key, *others, **named)

    def start_alone(*others: Any, **named: Any) -> Any:
        internal_kv._internal_kv_get = answer_at_once
        try:
            with environment(_PATIENCE):
                return start(*others, **named)
        finally:
            internal_kv._internal_kv_get = look

    services.start_api_server = start_alone
    try:
        yield
    finally:
        services.start_api_server = start


@contextmanager
def dashboard_announced(begin: Callable[[], None], tell: Callable[[str | None], None]) -> Iterator[None]:
    """Have a thread begin the dashboard of this process's Ray, and wait for it, while work goes on.

    Args:
        begin: has it come up.
        tell: is given its URL when it answers; None where it ends: a run does without.
    """
    over = threading.Event()

    def wait() -> None:
        with suppress(_Over, RpcError, OSError, RuntimeError):  # the GCS is gone, which others tell of
            if not over.wait(_BEGINS_AFTER_S):
                begin()
                tell(_await_address(over))

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(_LAST_LOOK_S)  # a GCS that is gone does not answer it


class _Over(Exception):  # noqa: N818  (no error)
    """Nobody asks any more."""


def _await_address(over: threading.Event) -> str | None:
    node = worker_module._global_node
    (process,) = node.all_processes[ray_constants.PROCESS_TYPE_DASHBOARD]
    while not (address := _address()):
        if process.process.poll() is not None:
            return None
        if over.wait(0.1):
            raise _Over
    node._webui_url = address.decode()
    node.get_gcs_client().internal_kv_put(b"webui:url", address, True, ray_constants.KV_NAMESPACE_DASHBOARD)
    return f"http://{address.decode()}"


def _address() -> bytes | None:
    found: bytes | None = internal_kv._internal_kv_get(
        ray_constants.DASHBOARD_ADDRESS, namespace=ray_constants.KV_NAMESPACE_DASHBOARD
    )
    return found
