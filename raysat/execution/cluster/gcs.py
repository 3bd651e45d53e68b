"""One question to the GCS of a cluster, by a connection of its own: whether it answers, and takes the user's token.

Ray itself tries for a minute where a GCS does not answer, and for half a minute where it refuses a token.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]  # its stubs lack it
from ray.exceptions import AuthenticationError

from raysat.errors import ClusterError
from raysat.formatting import one_line

if TYPE_CHECKING:
    import grpc

WHERE_IT_GOES: Final = "a cluster's token goes into ~/.ray/auth_token, or into a file that RAY_AUTH_TOKEN_PATH names"
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


def is_silent(answer: grpc.StatusCode | None) -> bool:
    """Whether an answer of ``ask`` says that none came."""
    import grpc

    return answer in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def check_answer(address: str, answer: grpc.StatusCode | None) -> None:
    """Raise ClusterError where what answers at an address is no GCS, or nothing does; a refused token is an answer.

    Args:
        address: of a cluster.
        answer: of ``ask``.
    """
    import grpc

    if answer is grpc.StatusCode.UNIMPLEMENTED:
        raise ClusterError(
            f"the cluster at {address} cannot be reached: what answers there is not Ray",
            hint="the port is that of `ray start --head`, 6379 by default",
        )
    if is_silent(answer):
        raise ClusterError(
            f"the cluster at {address} cannot be reached: its head does not answer",
            hint=f"is it overloaded, or stopped? Look there with: ray status --address {address}",
        )


def token_header() -> list[tuple[str, str]]:
    """The token as Ray sends it; empty where it sends none. Raises ClusterError where it is to be there, and is not."""
    with _readable():
        headers = AuthenticationTokenLoader.instance().get_token_for_http_header()
    return [(name.lower(), value) for name, value in headers.items()]


def has_token() -> bool:
    """Whether the user has a token, in whatever mode. Raises ClusterError where he named one that cannot be read."""
    with _readable():
        return bool(AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True))


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except AuthenticationError as error:
        cause = one_line(str(error)).partition(". ")[0]
        raise ClusterError(f"your token for clusters cannot be read: {cause}", hint=WHERE_IT_GOES) from error


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
            return not is_silent(ask(self._address, _ANSWER_S))
        host, _, port = self._address.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S):
                return True
        except OSError:
            return False
