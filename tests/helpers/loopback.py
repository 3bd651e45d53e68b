"""A cluster of Ray that raysat only connects to: nodes on this machine's loopback, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOPBACK: Final = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray listens there alone
    "RAY_NUM_REDIS_GET_RETRIES": "120",  # seconds that a head may take to begin, on a busy machine
}
# A process of its own holds the cluster: when it is killed, so is all of it.
_CLUSTER: Final = """
import sys
from ray.cluster_utils import Cluster
cpus = [int(word) for word in sys.argv[1:]]
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": cpus[0], "include_dashboard": False})
for more in cpus[1:]:
    cluster.add_node(num_cpus=more)
print(cluster.address, cluster.head_node.all_processes["gcs_server"][0].process.pid, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A cluster in another process."""

    address: str
    gcs: int  # process id
    temporary: Path  # folder of its workers


@contextmanager
def loopback_cluster(temporary: Path, *cpus: int) -> Iterator[Running]:
    """Start a node for each number of CPUs, and stop all at the end; ``temporary`` is the folder of their workers."""
    temporary.mkdir()
    process, words = _start(temporary, cpus)
    for _ in range(2):  # Ray gives up a start where another cluster takes a port first, or a machine is too busy
        if not words:
            process, words = _start(temporary, cpus)
    assert words, f"Ray did not start a cluster, three times over: {_complaints_of(temporary).read_text()[-2000:]}"
    address, gcs = words
    yield Running(address, int(gcs), temporary)
    process.communicate(timeout=30)


def _start(temporary: Path, cpus: tuple[int, ...]) -> tuple[subprocess.Popen[str], list[str]]:
    """A process with a cluster, and its address and GCS; no words where it ended without one."""
    with _complaints_of(temporary).open("w", encoding="utf-8") as complaints:
        process = subprocess.Popen(
            [sys.executable, "-c", _CLUSTER, *map(str, cpus)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            env=without_ray() | {"TMPDIR": str(temporary), "RAY_TMPDIR": "/tmp"},  # noqa: S108  (short socket paths)
            start_new_session=True,  # a raylet whose GCS is gone kills its whole group
        )
    assert process.stdout is not None
    return process, process.stdout.readline().split()


def _complaints_of(temporary: Path) -> Path:
    return temporary.with_name(f"{temporary.name}-ray.err")


def without_ray() -> dict[str, str]:
    """The environment of who uses such a cluster."""
    return {key: value for key, value in os.environ.items() if not key.startswith("RAY_")} | LOOPBACK
