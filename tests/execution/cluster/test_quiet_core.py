"""A driver of a cluster does not print what Ray's core says when a machine takes objects with it; a log has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

_DRIVER = """
import sys, time
import numpy as np, ray
from raysat.execution.cluster.connection import connect

@ray.remote(num_cpus=0, resources={"other": 0.1})
def make():
    return np.zeros(1 << 20)

with connect(sys.argv[1]):
    made = make.remote()
    ray.wait([made], fetch_local=False)
    print("made", flush=True)
    sys.stdin.readline()
    while len([node for node in ray.nodes() if node["Alive"]]) > 1:
        time.sleep(0.1)
    try:
        ray.get(made, timeout=5)
    except ray.exceptions.GetTimeoutError:
        print("lost")
    print("stderr of Python works", file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.ray
def test_lost_objects_are_a_matter_of_the_log() -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        other = cluster.add_node(num_cpus=1, resources={"other": 1})
        words = [sys.executable, "-c", _DRIVER, cluster.address]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        driver = subprocess.Popen(words, text=True, **pipes)
        assert driver.stdout is not None
        driver.stdout.readline()
        cluster.remove_node(other, allow_graceful=False)
        output, errors = driver.communicate("\n", timeout=120)
        logs = Path(cluster.head_node.get_logs_dir_path()).glob(f"python-core-driver-*_{driver.pid}.log")
        said = "".join(log.read_text(encoding="utf-8") for log in logs)
    finally:
        cluster.shutdown()
    assert (output.split(), errors) == (["lost"], "stderr of Python works\n")
    assert "Attempting to recover 1 lost objects" in said
