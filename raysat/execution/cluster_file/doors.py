"""What is wrong in how a cluster file starts Ray: who may come in, and whether workers find the head."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from raysat.execution.cluster_file.finding import Finding, error, risk
from raysat.execution.cluster_file.reading import ClusterFile, starts_of_ray

_TOKEN: Final = "auth_token"  # the file's name  # noqa: S105
_OTHER_TOKENS: Final = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_DEFAULT_PORT: Final = "6379"  # of `ray start --head`
_PORT: Final = re.compile(r"--port[= ](\d+)")
_LOOKED_FOR: Final = re.compile(r"--address[= ]\S+:(\d+)")
_OPEN: Final = re.compile(r"--dashboard-host[= ](?!127\.0\.0\.1|localhost)")


def door_findings(file: ClusterFile) -> Iterator[Finding]:
    """Say where others get in, or the cluster's own machines do not.

    Whoever reaches Ray's ports without a token runs what they like.
    """
    variable = file.variable("RAY_AUTH_MODE")
    by_variable = variable is not None and variable[1] == "token"
    asks = False  # for a token
    for part in ("head", "worker"):
        for key, command in starts_of_ray(file, part):
            if "RAY_AUTH_MODE=token" in command or by_variable:
                asks = True
            else:
                yield risk(
                    file, key, "no token: who reaches Ray's ports runs code here", "RAY_AUTH_MODE=token ray start"
                )
            if _OPEN.search(command):
                yield risk(file, key, "the dashboard listens beyond its machine", "--dashboard-host=127.0.0.1")
    if asks and not _brings_token(file):
        remedy = "file_mounts: ~/.ray/auth_token: ~/.ray/auth_token"
        yield error(file, ("file_mounts",), "the machines have no token, which Ray asks for there", remedy)
    yield from _ports(file)


def _brings_token(file: ClusterFile) -> bool:
    mounts = file.get(("file_mounts",)) or {}
    return any(str(place).endswith(_TOKEN) for place in mounts) or any(map(file.variable, _OTHER_TOKENS))


def _ports(file: ClusterFile) -> Iterator[Finding]:
    """Workers look for Ray where the head does not listen."""
    heads = [_PORT.search(command) for _, command in starts_of_ray(file, "head")]
    if not heads:
        return
    port = heads[-1][1] if heads[-1] else _DEFAULT_PORT
    for key, command in starts_of_ray(file, "worker"):
        found = _LOOKED_FOR.search(command)
        if found and found[1] != port:
            what = f"workers look for Ray at port {found[1]}, and the head listens at {port}"
            yield error(file, key, what, f"ray start --address=$RAY_HEAD_IP:{port}")
