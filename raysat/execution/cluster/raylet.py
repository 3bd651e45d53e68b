"""Watches the raylet of a cluster that this process talks to: without it Ray ends the process soon, saying nothing."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ray._private import worker as worker_module

from raysat.errors import ClusterError
from raysat.interrupts import end_now

_LOST: Final = ClusterError(
    "Ray on this machine ended: its raylet is gone",
    hint="was it stopped, or is the memory full? The same command resumes from here, on a machine of the cluster",
)


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
