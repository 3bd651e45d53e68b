"""The user's own token for clusters: taken away from others, and checked before Ray would try it for half a minute."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from ray._raylet import Config  # type: ignore[attr-defined]  # its stubs lack it

from raysat.errors import ClusterError
from raysat.execution.cluster.gcs import WHERE_IT_GOES, ask, check_answer, has_token, token_header, uses_tls

_PATIENCE_S = 10.0


def keep_token_private() -> None:
    """Take the user's token, and the folder that Ray made for it, away from others.

    What belongs to somebody else, as a secret that a cluster mounts, is left as it is.

    Raises:
        ClusterError: others can read the token, and that cannot be changed.
    """
    if named := os.environ.get("RAY_AUTH_TOKEN_PATH"):
        _keep_private(Path(named), 0o600)
        return
    with suppress(RuntimeError):  # a user without a home has no token there
        folder = Path.home() / ".ray"
        _keep_private(folder, 0o700)
        _keep_private(folder / "auth_token", 0o600)


def _keep_private(path: Path, mode: int) -> None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # there is none, or it is not ours to read
        return
    try:
        info = os.fstat(handle)
        if info.st_uid == os.geteuid() and stat.S_IMODE(info.st_mode) & 0o077:
            os.fchmod(handle, mode)
    except OSError as error:
        raise ClusterError(
            f"{path}, the token of your clusters, can be read by others: {error.strerror}",
            hint=f"chmod {mode:o} {path}",
        ) from error
    finally:
        os.close(handle)


def check_token(address: str) -> None:
    """Raise ClusterError where a cluster does not accept the user's token, asks for one that is not there, or is none.

    Where RAY_AUTH_MODE is not set, the user's token is for clusters that ask for one: what talks to another with a
    token cannot start actors there.
    """
    import grpc

    if uses_tls():
        return
    answer = ask(address, _PATIENCE_S)
    if answer is grpc.StatusCode.UNAUTHENTICATED and _offers_token():
        answer = ask(address, _PATIENCE_S)
    check_answer(address, answer)
    if answer is not grpc.StatusCode.UNAUTHENTICATED:  # of anything else Ray tells better
        return
    what = "does not accept your token" if token_header() else "asks for a token, and you have none"
    raise ClusterError(f"the cluster at {address} {what}", hint=WHERE_IT_GOES)


def _offers_token() -> bool:
    """Whether this process sends a token: as RAY_AUTH_MODE says, else where the user has one.

    Ray's own function for this warns each time that a token is in use.
    """
    if (mode := os.environ.get("RAY_AUTH_MODE")) is not None:
        return mode.lower() == "token"
    if not has_token():
        return False
    os.environ["RAY_AUTH_MODE"] = "token"
    Config.initialize("")  # Ray remembers the mode for the process
    return True
