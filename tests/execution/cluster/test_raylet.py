"""A raylet that ends while it is needed ends its driver by one line; one that ends later does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ray
from ray._private import services

from raysat.errors import ClusterError
from raysat.execution.cluster import raylet
from raysat.execution.cluster.raylet import check_node

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="handles of processes are Linux's")

SCRIPT = """
import subprocess, sys, time
from types import SimpleNamespace
from ray._private import worker
from raysat.execution.cluster.raylet import raylet_watched
from raysat.interrupts import removed_at_end

path, when = sys.argv[1:]
listen = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(); input()"
raylet = subprocess.Popen([sys.executable, "-c", listen, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
raylet.stdout.readline()
worker._global_node = SimpleNamespace(raylet_socket_name=path)
with removed_at_end(lambda: print("removed", flush=True)):
    with raylet_watched():
        if when == "needed":
            raylet.kill()
            time.sleep(20)
    raylet.kill()
    raylet.wait()
    time.sleep(0.5)
worker._global_node = None
"""


@pytest.mark.slow
@pytest.mark.parametrize(("when", "code"), [("needed", 3), ("later", 0)])
def test_a_raylet_that_ends(tmp_path: Path, when: str, code: int) -> None:
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "socket"), when]
    done = subprocess.run(words, capture_output=True, text=True, timeout=15, check=False)
    assert done.returncode == code, done.stderr
    if when == "later":
        assert (done.stdout, done.stderr) == ("removed\n", "")
        return
    error, hint = done.stderr.splitlines()
    assert error == "error: Ray on this machine ended: its raylet is gone"
    assert hint.startswith("hint: ")


def test_a_machine_that_is_no_node_of_the_cluster_is_told_so(
    ray_session: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = ray.get_runtime_context().gcs_address
    check_node(address)
    monkeypatch.setattr(services, "find_node_ids", list)
    monkeypatch.setattr(raylet, "_PATIENCE_S", 1)
    with pytest.raises(ClusterError, match=f"this machine is no node of the cluster at {address}") as caught:
        check_node(address)
    assert caught.value.hint == f"run raysat on one that is, or make this one a node: ray start --address={address}"
