"""The raylet of a cluster that this process talks to: without it there is no connection, and Ray ends the process."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ray._private import services
from ray._private import worker as worker_module
from ray._raylet import GcsClient  # type: ignore[attr-defined]  # its stubs lack it
from ray.exceptions import RpcError

from raysat.errors import ClusterError
from raysat.formatting import one_line
from raysat.interrupts import end_now

_LOST: Final = ClusterError(
    "Ray on this machine ended: its raylet is gone",
    hint="was it stopped, or is the memory full? The same command resumes from here, on a machine of the cluster",
)
_PATIENCE_S: Final = 30  # for a raylet that has just begun, on a machine with too much to do as well


def check_node(address: str) -> None:
    """Raise ClusterError where this machine is no node of a cluster: Ray itself would look for one for a minute."""
    try:
        services.get_node_to_connect_for_driver(GcsClient(address=address), timeout_seconds=_PATIENCE_S)
    except RuntimeError as error:
        if not str(error).startswith("No node info found"):
            return  # what is wrong, Ray says when it connects
        raise ClusterError(
            f"this machine is no node of the cluster at {address}",
            hint=f"run raysat on one that is, or make this one a node: ray start --address={address}",
        ) from error
    except RpcError as error:
        raise ClusterError(
            f"the cluster at {address} cannot be reached: {one_line(str(error))}",
            hint=f"check the address with: ray status --address {address}",
        ) from error


@contextmanager
def raylet_watched() -> Iterator[None]:
    """Within this, end the process by one line where its raylet ends; where the system cannot tell, do nothing."""
    handle, (waiting, told) = _raylet(), os.pipe()

    def watch(raylet: int) -> None:
        ready, _, _ = select.select([raylet, waiting], [], [])
        if waiting not in ready:
            end_now(f"error: {_LOST.message}\nhint: {_LOST.hint}", _LOST.exit_code)
        os.close(raylet)
        os.close(waiting)

    if handle is not None:
        threading.Thread(target=watch, args=(handle,), daemon=True).start()
    try:
        yield
    finally:
        os.close(told)
        if handle is None:
            os.close(waiting)


def _raylet() -> int | None:
    """A handle of the process at the other end of the raylet's socket; None where there is none to be had."""
    node = worker_module._global_node
    if node is None or not hasattr(os, "pidfd_open"):
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(node.raylet_socket_name)
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid, _, _ = struct.unpack("3i", peer)
        return os.pidfd_open(pid) if pid > 0 else None  # 0: it is in another namespace
    except OSError:
        return None
