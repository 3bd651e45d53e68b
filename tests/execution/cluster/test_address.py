"""Which addresses are refused before Ray would try them for minutes."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from raysat.errors import ClusterError
from raysat.execution.cluster.address import check_address


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://127.0.0.1:10001", "Ray Client"),
        ("127.0.0.1", "HOST:PORT"),
        ("127.0.0.1:none", "HOST:PORT"),
        ("127.0.0.1:1", "cannot be reached"),
        ("127.0.0.1:99999", "cannot be reached"),
    ],
)
def test_a_wrong_address_is_refused_at_once(address: str, message: str) -> None:
    with pytest.raises(ClusterError, match=message) as caught:
        check_address(address)
    assert caught.value.hint


@contextmanager
def server(answer: bytes | None, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of one that reads what it is sent and answers; with None it says nothing."""
    with socket.create_server((host, 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(64)
                if answer is None:
                    connection.recv(64)  # until the other side gives up
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"{host}:{listening.getsockname()[1]}"
        thread.join(timeout=10)


GRPC = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + bytes(6)
ELSEWHERE = "127.0.0.2"  # of this machine too, but no name that Ray knows for it


def test_what_speaks_grpc_is_taken_for_ray() -> None:
    with server(GRPC, ELSEWHERE) as address:
        assert check_address(address) == address


def test_a_ray_that_listens_on_loopback_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray would try for minutes: it replaces 127.0.0.1 by the machine's own address, at which nothing listens."""
    monkeypatch.setattr("ray._private.worker._global_node", None)  # as before Ray starts
    monkeypatch.setattr("ray._private.ray_constants.ENABLE_RAY_CLUSTER", True)
    monkeypatch.setattr("ray._private.services.node_ip_address_from_perspective", lambda *_: ELSEWHERE)
    with server(GRPC) as address, pytest.raises(ClusterError, match=r"Ray would call it 127\.0\.0\.2") as caught:
        check_address(address)
    assert "refused" in caught.value.message


@pytest.mark.parametrize("address", [None, "local"])
def test_without_a_cluster_ray_starts_here(address: str | None) -> None:
    assert check_address(address) is None


def test_auto_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(GRPC, ELSEWHERE) as address:
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert check_address("auto") == address


@pytest.mark.parametrize(("named", "message"), [("127.0.0.1:1", "refused"), ("ray://x:1", "Ray Client"), ("x", "HOST")])
def test_auto_that_is_no_cluster_is_refused_at_once(named: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", named)
    with pytest.raises(ClusterError, match=message) as caught:
        check_address("auto")
    assert caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n", b"", b"\x00", None])
def test_what_does_not_is_refused(answer: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raysat.execution.cluster.address.PATIENCE", 0.5)
    message = "what answers there is not Ray" if answer else "what listens there does not speak as Ray does"
    with server(answer) as address, pytest.raises(ClusterError, match=message) as caught:
        check_address(address)
    assert "8265" in (caught.value.hint or "")


@pytest.mark.slow
def test_a_name_that_is_looked_up_for_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raysat.execution.cluster.address.PATIENCE", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(60) or [])
    began = time.monotonic()
    with pytest.raises(ClusterError, match=r"cannot be reached: no answer within 0\.2 s"):
        check_address("host.example:6379")
    assert time.monotonic() - began < 30


def test_a_cluster_with_tls_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with server(b"\x15\x03\x03", ELSEWHERE) as address:
        assert check_address(address) == address
