"""What each job gets of the machines, and which addresses are refused before Ray would try them for minutes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from raysat.errors import ClusterError
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.resources import check_address, fit


def node(cpus: float, gpus: float = 0.0, *, alive: bool = True) -> dict[str, Any]:
    return {"Alive": alive, "Resources": {"CPU": cpus} | ({"GPU": gpus} if gpus else {})}


HEAD = {"Alive": True, "Resources": {"memory": 1.0}}


@pytest.mark.parametrize(
    ("nodes", "options", "expected"),
    [
        ([node(2)], ClusterOptions(), (2.0, 0.0, 1)),
        ([node(8)], ClusterOptions(cpus_per_trial=2), (2, 0.0, 4)),
        ([node(8)], ClusterOptions(workers=2), (4.0, 0.0, 1)),
        ([node(2)], ClusterOptions(cpus_per_trial=0.5), (0.5, 0.0, 4)),
        ([HEAD, node(16, 2), node(16, 2)], ClusterOptions(), (8.0, 1.0, 4)),
        ([HEAD, node(8, 1)], ClusterOptions(gpus_per_trial=0.25), (2.0, 0.25, 4)),
        ([node(4), node(8, 1)], ClusterOptions(), (8.0, 1.0, 1)),
        ([node(4), node(4, alive=False)], ClusterOptions(), (4.0, 0.0, 1)),
        ([node(8)], ClusterOptions(cpus_per_trial=2, max_concurrent=3), (2, 0.0, 3)),
        ([node(2)], ClusterOptions(cpus_per_trial=1, max_concurrent=3), (1, 0.0, 2)),
        ([HEAD], ClusterOptions(address="auto", cpus_per_trial=4, gpus_per_trial=1, max_concurrent=6), (4, 1, 6)),
        ([HEAD, node(8)], ClusterOptions(address="auto", cpus_per_trial=4), (4, 0.0, 2)),
    ],
)
def test_slots_fit_the_machine(
    nodes: list[dict[str, Any]], options: ClusterOptions, expected: tuple[float, float, int]
) -> None:
    assert fit(nodes, options) == expected


def test_generators_and_trials_get_half_the_cores_each() -> None:
    two = [{"Alive": True, "Resources": {"CPU": 2.0}}]
    assert fit(two, ClusterOptions()) == (2.0, 0.0, 1)
    assert fit(two, ClusterOptions(), beside=True) == (1.0, 0.0, 2)
    assert fit(two, ClusterOptions(cpus_per_trial=2), beside=True) == (2.0, 0.0, 1)


@pytest.mark.parametrize(
    ("nodes", "options"),
    [
        ([node(2)], ClusterOptions(cpus_per_trial=4)),
        ([node(2)], ClusterOptions(gpus_per_trial=1)),
        ([node(2)], ClusterOptions(workers=3, cpus_per_trial=1)),
        ([node(2)], ClusterOptions(gpus_per_trial=1, max_concurrent=1)),
        ([HEAD], ClusterOptions(address="auto", cpus_per_trial=4)),
    ],
)
def test_a_trial_that_fits_nowhere_is_refused(nodes: list[dict[str, Any]], options: ClusterOptions) -> None:
    with pytest.raises(ClusterError, match="more than the machine or cluster has"):
        fit(nodes, options)


def test_a_cluster_without_machines_needs_to_be_told_what_a_trial_gets() -> None:
    with pytest.raises(ClusterError, match="no machine of the cluster can train yet") as caught:
        fit([HEAD], ClusterOptions(address="auto", max_concurrent=4))
    assert "gpus_per_trial" in (caught.value.hint or "")


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
    monkeypatch.setattr("raysat.execution.resources.PATIENCE", 0.5)
    with server(answer) as address, pytest.raises(ClusterError, match="what answers there is not Ray") as caught:
        check_address(address)
    assert "8265" in (caught.value.hint or "")


def test_a_cluster_with_tls_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with server(b"\x15\x03\x03") as address:
        check_address(address)
