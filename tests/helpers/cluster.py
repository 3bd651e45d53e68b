"""Ray over hosts, as ``cluster.yaml`` starts it: a head and workers with a token, each at the address of its host.

with hosts(folder) as machines:
    address = start_ray(machines, cpus=(0, 1, 1))          # the first one is the head
    machines[0].run("raysat", "ablate", ..., "--address", address)
    leave(machines[1])                                     # its Ray is gone at once, with all that it ran
    join(machines[1], address, cpus=1)
"""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from ruamel.yaml import YAML

from tests.helpers.hosts import Host
from tests.helpers.paths import ROOT
from tests.helpers.patience import PATIENCE_S

_PORT: Final = 6379
_MEMORY: Final = 100 << 20  # bytes of each host's object store
_HEALTH: Final = "RAY_health_check_"  # how soon a host that is cut off is given up: as cluster.yaml says it
_RAY: Final = ("/ray/", "ray::")  # in the command lines of Ray's processes, not in those of who uses it


def start_ray(machines: Sequence[Host], cpus: Sequence[int], environment: Mapping[str, str] | None = None) -> str:
    """Start Ray on all hosts.

    Args:
        machines: the hosts; the first becomes the head.
        cpus: of each.
        environment: variables of Ray's processes.

    Returns:
        The cluster's address.
    """
    token = secrets.token_hex(32)
    for host in machines:
        folder = host.tmp / "home" / ".ray"
        folder.mkdir(mode=0o700)
        (folder / "auth_token").write_text(token, encoding="ascii")
        (folder / "auth_token").chmod(0o600)
    head, *others = machines
    address = f"{head.address}:{_PORT}"
    health = {**_health_checks(), **(environment or {})}
    _wait(_start(head, cpus[0], health, "--head", f"--port={_PORT}", "--include-dashboard=false"))
    starting = [
        _start(host, share, environment, f"--address={address}") for host, share in zip(others, cpus[1:], strict=True)
    ]
    for process in starting:
        _wait(process)
    return address


def join(host: Host, address: str, *, cpus: int, environment: Mapping[str, str] | None = None) -> None:
    """Have a host join a cluster, for the first time or again.

    Args:
        host: whose home has the cluster's token.
        address: of the cluster.
        cpus: that it gives.
        environment: variables of Ray's processes.
    """
    _wait(_start(host, cpus, environment, f"--address={address}"))


def leave(host: Host) -> int:
    """Kill all of Ray on a host at once, as if its machine were gone; return how many processes that were."""
    return sum(host.kill(text) for text in _RAY)


def _health_checks() -> dict[str, str]:
    """The head's variables in ``cluster.yaml`` that say how soon a host is given up."""
    commands = YAML(typ="safe").load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))["head_start_ray_commands"]
    return dict(word.split("=", 1) for word in commands[-1].split() if word.startswith(_HEALTH))


def _start(host: Host, cpus: int, environment: Mapping[str, str] | None, *words: str) -> subprocess.Popen[str]:
    shape = (f"--node-ip-address={host.address}", f"--num-cpus={cpus}", f"--object-store-memory={_MEMORY}")
    return host.start(
        "ray",
        "start",
        *words,
        *shape,
        "--disable-usage-stats",
        environment={"RAY_AUTH_MODE": "token", **(environment or {})},
    )


def _wait(process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
