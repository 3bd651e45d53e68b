"""A driver of a cluster does not print what Ray's core says when a machine takes objects with it; a log has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.helpers.patience import PATIENCE_S

_SOON_LOST = {  # a node that is gone, for the head
    "RAY_health_check_initial_delay_ms": "0",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "4",
}
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
        ray.get(made, timeout=3)
    except ray.exceptions.GetTimeoutError:
        print("lost")
    print("stderr of Python works", file=sys.stderr)
"""
# A process of its own holds the cluster, whatever Ray this one has; it prints what the driver did, and the core's log.
_CLUSTER = """
import json, subprocess, sys
from pathlib import Path
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
other = cluster.add_node(num_cpus=1, resources={"other": 1})
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
driver = subprocess.Popen([sys.executable, "-c", sys.argv[1], cluster.address], text=True, **pipes)
made = driver.stdout.readline()
cluster.remove_node(other, allow_graceful=False)
output, errors = driver.communicate("\\n", timeout=120)
logs = Path(cluster.head_node.get_logs_dir_path()).glob(f"python-core-driver-*_{driver.pid}.log")
log = "".join(log.read_text(encoding="utf-8") for log in logs)
cluster.shutdown()
print(json.dumps({"output": made + output, "errors": errors, "log": log}))
"""


@pytest.mark.slow
@pytest.mark.ray
def test_lost_objects_are_a_matter_of_the_log() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")} | _SOON_LOST
    words = [sys.executable, "-c", _CLUSTER, _DRIVER]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["output"].split(), found["errors"]) == (["made", "lost"], "stderr of Python works\n")
    assert "Attempting to recover 1 lost objects" in found["log"]
