"""Which addresses are refused before Ray would try them for minutes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from raysat.errors import ClusterError
from raysat.execution.address import check_address


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
def server(answer: bytes | None) -> Iterator[str]:
    """The address of one that reads what it is sent and answers; with None it says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

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
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join(timeout=10)


def test_what_speaks_grpc_is_taken_for_ray() -> None:
    with server(b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + bytes(6)) as address:
        check_address(address)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n", b"", b"\x00", None])
def test_what_does_not_is_refused(answer: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raysat.execution.address.PATIENCE", 0.5)
    with server(answer) as address, pytest.raises(ClusterError, match="what answers there is not Ray") as caught:
        check_address(address)
    assert "8265" in (caught.value.hint or "")


def test_a_cluster_with_tls_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with server(b"\x15\x03\x03") as address:
        check_address(address)
