"""The address of a cluster: refused at once where no Ray answers, as Ray itself would try for minutes."""

from __future__ import annotations

import os
import socket
from typing import Final

from raysat.errors import ClusterError

PATIENCE: Final = 10.0  # seconds that an address gets to answer
# How each side of HTTP/2, and so of gRPC, begins (RFC 9113, 3.4): here with an empty SETTINGS frame.
_SETTINGS: Final = b"\x04"  # the frame's type, its fourth byte
_GRPC_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + _SETTINGS + bytes(5)


def check_address(address: str | None) -> None:
    """Raise ClusterError for an address at which no Ray answers: Ray itself would try for minutes."""
    if address is None or address == "auto":
        return
    if address.startswith("ray://"):
        raise ClusterError(
            f"{{--address}} {address}: Ray Client cannot run a study",
            hint="submit it: ray job submit -- raysat ablate ...",
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(
            f"{{--address}} {address}: write it as HOST:PORT", hint="on a machine of the cluster, 'auto' will do"
        )
    hint = "the port is that of `ray start --head`, 6379 by default; 8265 is the dashboard's"
    if not 0 < int(port) < 2**16:  # some systems would take the rest of it for the port
        raise ClusterError(f"the cluster at {address} cannot be reached: a port is a number from 1 to 65535", hint=hint)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as connection:
            connection.sendall(_GRPC_HELLO)
            is_grpc = _answer(connection)[3:4] == _SETTINGS
    except OSError as error:
        raise ClusterError(f"the cluster at {address} cannot be reached: {error}", hint=hint) from None
    if not is_grpc and os.environ.get("RAY_USE_TLS", "0") == "0":
        raise ClusterError(f"the cluster at {address} cannot be reached: what answers there is not Ray", hint=hint)


def _answer(connection: socket.socket) -> bytes:
    """The first bytes that come back; none where what is there says nothing or hangs up."""
    try:
        return connection.recv(9)  # the head of a frame
    except OSError:
        return b""
