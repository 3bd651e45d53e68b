"""The address of a cluster: refused at once where no Ray answers, as Ray itself would try for minutes."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Final

from ray._private.services import get_ray_address_from_environment, resolve_ip_for_localhost

from raysat.errors import ClusterError

PATIENCE: Final = 10.0  # seconds that an address gets to answer
_SPARE: Final = 0.5  # that its own error may come after that
# How each side of HTTP/2, and so of gRPC, begins (RFC 9113, 3.4): here with an empty SETTINGS frame.
_SETTINGS: Final = b"\x04"  # the frame's type, its fourth byte
_GRPC_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + _SETTINGS + bytes(5)


def check_address(address: str | None) -> str | None:
    """Find out where Ray answers: it would try for minutes itself.

    Args:
        address: HOST:PORT; "auto" for what RAY_ADDRESS says, or the cluster of this machine; None or "local".

    Returns:
        The address as HOST:PORT; None to start Ray on this machine.

    Raises:
        ClusterError: no Ray answers there, or the address cannot be one.
    """
    if address in (None, "local"):
        return None
    if address == "auto":
        found = _found()
        hint = "auto is what RAY_ADDRESS says, else a Ray that runs here; give the address, or leave {--address} out"
        _check(found, f"{{--address}} auto ({found})", hint=hint)
        return found
    hint = "the port is that of `ray start --head`, 6379 by default; 8265 is the dashboard's"
    _check(address, f"{{--address}} {address}", hint=hint)
    return address


def _found() -> str:
    """The address that Ray would take for "auto"."""
    try:
        return str(get_ray_address_from_environment("auto", None))
    except ConnectionError:
        raise ClusterError(
            "{--address} auto: no cluster runs on this machine",
            hint="start one with `ray start --head`, or leave {--address} out: raysat then starts Ray by itself",
        ) from None


def _check(address: str, option: str, *, hint: str) -> None:
    """Raise ClusterError for an address at which no Ray answers, given how it was asked for."""
    if address.startswith("ray://"):
        raise ClusterError(
            f"{option}: Ray Client cannot run a study",
            hint="submit it: ray job submit -- raysat ablate ...",
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise ClusterError(f"{option}: write it as HOST:PORT", hint="on a machine of the cluster, 'auto' will do")
    if not 0 < int(port) < 2**16:  # some systems would take the rest of it for the port
        raise ClusterError(f"the cluster at {address} cannot be reached: a port is a number from 1 to 65535", hint=hint)
    until = time.monotonic() + PATIENCE
    answer = _answer(address, host, int(port), hint, until)
    if answer[3:4] != _SETTINGS and os.environ.get("RAY_USE_TLS", "0") == "0":
        what = "what answers there is not Ray" if answer else "what listens there does not speak as Ray does"
        raise ClusterError(f"the cluster at {address} cannot be reached: {what}", hint=hint)
    if (outside := resolve_ip_for_localhost(host)) != host:  # as Ray does with names of this machine
        _answer(address, outside, int(port), hint, until)


def _answer(address: str, host: str, port: int, hint: str, until: float) -> bytes:
    """What somebody first says who is greeted as by gRPC; nothing where he says nothing, or hangs up.

    Args:
        address: what was asked for, for errors.
        host: where to ask.
        port: where to ask.
        hint: of the error.
        until: when to give up, by the monotonic clock.

    Returns:
        Some bytes, or none.

    Raises:
        ClusterError: nothing listens there.
    """
    answers: list[bytes | OSError] = []
    # A name may be looked up for a minute, and each of its addresses tried: neither can be told to end.
    thread = threading.Thread(target=lambda: answers.append(_greeted(host.strip("[]"), port, until)), daemon=True)
    thread.start()
    thread.join(until - time.monotonic() + _SPARE)
    answer = answers[0] if answers else TimeoutError(f"no answer within {PATIENCE:g} s")
    if isinstance(answer, OSError):
        where = "" if address.startswith(host) else f"Ray would call it {host}:{port}, which answers: "
        raise ClusterError(f"the cluster at {address} cannot be reached: {where}{answer}", hint=hint)
    return answer


def _greeted(host: str, port: int, until: float) -> bytes | OSError:
    try:
        with socket.create_connection((host, port), timeout=_left(until)) as connection:
            connection.settimeout(_left(until))
            return _first_bytes(connection)
    except OSError as error:
        return error


def _first_bytes(connection: socket.socket) -> bytes:
    """The head of a frame; none where what is there says nothing or hangs up."""
    try:
        connection.sendall(_GRPC_HELLO)
        return connection.recv(9)
    except OSError:
        return b""


def _left(until: float) -> float:
    return max(0.1, until - time.monotonic())
