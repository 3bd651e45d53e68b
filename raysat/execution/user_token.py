"""The user's own token for clusters, which Ray writes for all users of the machine to read."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from raysat.errors import ClusterError


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
