"""One question to the GCS of a cluster, by a connection of its own: whether it answers, and takes the user's token.

Ray itself tries for a minute where a GCS does not answer, and for half a minute where it refuses a token.
"""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Final

from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]  # its stubs lack it

from raysat.errors import ClusterError

if TYPE_CHECKING:
    import grpc

_ANSWER_S: Final = 3.0  # for one answer
_SILENT_S: Final = 12.0  # after which it is lost: a head that is busy answers within seconds


def ask(address: str, patience: float) -> grpc.StatusCode | None:
    """Ask for the name of a cluster.

    Args:
        address: of its GCS.
        patience: seconds to wait.

    Returns:
        Why there was no answer; None where there was one.
    """
    import grpc
    from ray.core.generated.gcs_service_pb2 import GetClusterIdRequest
    from ray.core.generated.gcs_service_pb2_grpc import NodeInfoGcsServiceStub

    try:
        with grpc.insecure_channel(address) as channel:
            NodeInfoGcsServiceStub(channel).GetClusterId(
                GetClusterIdRequest(), timeout=patience, metadata=token_header()
            )
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return None


def token_header() -> list[tuple[str, str]]:
    """The token as Ray sends it; empty where it sends none."""
    headers = AuthenticationTokenLoader.instance().get_token_for_http_header()
    return [(name.lower(), value) for name, value in headers.items()]


def uses_tls() -> bool:
    """Whether clusters are spoken to by TLS, which Ray sets up from its own variables."""
    return os.environ.get("RAY_USE_TLS", "0") != "0"


class Pulse:
    """Whether the GCS of a cluster that was reached is still there."""

    def __init__(self, address: str) -> None:
        self._address, self._heard = address, time.monotonic()

    def look(self) -> ClusterError | None:
        """By which error the cluster is lost, if it is: it was silent for too long."""
        if self._answers():
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > _SILENT_S:
            return ClusterError(
                f"the cluster at {self._address} is lost: its head has not answered for {_SILENT_S:.0f} seconds",
                hint="was the head stopped, or cut off? When it is there again the same command resumes from here",
            )
        return None

    def _answers(self) -> bool:
        """Whether something comes back, be it a refusal; by TLS, whether something listens."""
        if not uses_tls():
            import grpc

            return ask(self._address, _ANSWER_S) not in (
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.DEADLINE_EXCEEDED,
            )
        host, _, port = self._address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S):
                return True
        except OSError:
            return False
