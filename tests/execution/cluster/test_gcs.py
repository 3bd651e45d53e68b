"""Whether a cluster still answers: refusals do, closed and silent ports do not, and only for a while."""

import socket
import time

import pytest

from raysat.execution.cluster import gcs
from raysat.execution.cluster.gcs import Pulse

pytestmark = pytest.mark.slow


@pytest.fixture(name="silent")
def _silent(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a server that takes connections and never answers."""
    monkeypatch.setattr(gcs, "_ANSWER_S", 0.3)
    monkeypatch.setattr(gcs, "_SILENT_S", 1.0)
    return "127.0.0.1"


@pytest.mark.parametrize("listens", [True, False], ids=["silent", "closed"])
@pytest.mark.parametrize("tls", ["0", "1"])
def test_a_head_that_does_not_answer_is_lost_after_a_while(
    monkeypatch: pytest.MonkeyPatch, silent: str, listens: bool, tls: str
) -> None:
    monkeypatch.setenv("RAY_USE_TLS", tls)
    with socket.socket() as server:
        server.bind((silent, 0))
        if listens:
            server.listen()
        pulse, began = Pulse(f"{silent}:{server.getsockname()[1]}"), time.monotonic()
        assert pulse.look() is None, "it may come back"
        while (lost := pulse.look()) is None and time.monotonic() - began < 2.5:
            time.sleep(0.05)
        if listens and tls == "1":
            assert lost is None, "all that can be seen from outside"
            return
        assert lost is not None
        assert "does not answer" in lost.message or "has not answered" in lost.message
        assert 1.0 <= time.monotonic() - began < 2.5
