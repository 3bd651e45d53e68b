"""Nodes that cannot do a run's jobs: with other versions they are refused, or left out; with a broken card left out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from tests.helpers.holding import holding
from tests.helpers.patience import PATIENCE_S

# In a process of its own: Ray connects to one cluster at a time.
SCRIPT = """
import json, os, sys, time
from pathlib import Path
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on loopback alone
from ray.cluster_utils import Cluster
from rich.console import Console
from raysat.api.doctor import doctor
from raysat.api.ablation import ablate
from raysat.errors import ClusterError
from raysat.execution.cluster import same_versions
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import NodeUnfit, Progress, Started
from raysat.views.run import RunView

same_versions._PATIENCE_S = 300.0  # on a busy machine a node answers late, and what is unasked runs
store, space, out, other, broken = sys.argv[1:]
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
whole = cluster.add_node(num_cpus=1)
options = ClusterOptions(address=cluster.address, cpus_per_trial=1, retries=0)

node = cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": other})
try:
    ablate(space, store, out=out, cluster=options)
except ClusterError as error:
    refused = [error.message, error.hint]
looked = [[[check.name, check.level] for check in machine.checks] for machine in doctor(cluster.address).machines]
cluster.remove_node(node)

view, told, states, joined = RunView(Console(file=sys.stderr, width=300)), [], [], []

def on_event(event):
    view(event)
    if isinstance(event, Started):
        states.append(event.state)
    if isinstance(event, NodeUnfit):
        told.append(event.reason)
        if len(told) == 2:
            Path(os.environ["GO"]).touch()
    if isinstance(event, Progress) and event.row is not None and event.row.state == "training" and not joined:
        for path in (other, broken):
            joined.append(cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": path}))

run = ablate(space, store, out=out, cluster=options, on_event=on_event)
for node in (whole, joined[0]):
    cluster.remove_node(node)
try:
    ablate(space, store, out=out + " 2", cluster=options)
except ClusterError as error:
    without = [error.message, error.hint]
print(json.dumps({
    "without": without,
    "looked": looked,
    "refused": refused,
    "told": told,
    "finished": run.outcome.finished,
    "failed": run.outcome.failed,
    "retries": states[0].retries,
    "events": [event.event for event in run.events()],
}))
cluster.shutdown()
"""
# A step on this node fails as on a card whose memory has an error that ECC cannot correct.
BROKEN = """
import importlib.util, sys

class Broken:
    def find_spec(self, name, path, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("torch")
        load = spec.loader.exec_module
        def exec_module(module):
            load(module)
            def backward(*_, **__):
                raise RuntimeError("CUDA error: uncorrectable ECC error encountered")
            module.autograd.backward = backward
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Broken())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a cluster on one machine")
def test_nodes_that_cannot_do_a_runs_jobs_get_none(tmp_path: Path, landsat_store: PatchStore) -> None:
    other, broken, space = tmp_path / "other", tmp_path / "broken", tmp_path / "unfit.yaml"
    (other / "torch-1.0.dist-info").mkdir(parents=True)
    (other / "torch-1.0.dist-info" / "METADATA").write_text("Name: torch\nVersion: 1.0\n", encoding="utf-8")
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(BROKEN, encoding="utf-8")
    space.write_text(
        "base: {model: {name: test_resnet}, optim: {epochs: 3, batch_size: 16}}\nseeds: 1\n"
        "arms: {long: {}, one: {loss: {kind: ldam}, optim.epochs: 2}, two: {loss: {kind: focal}, optim.epochs: 2}}\n",
        encoding="utf-8",  # the long one ends when both nodes are found out; the two that wait are what these are for
    )
    words = [landsat_store.path, space, tmp_path / "runs", other, broken]
    command = [sys.executable, "-c", SCRIPT, *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=os.environ | holding(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])

    message, hint = result["refused"]
    assert "has torch 1.0 in place of" in message
    assert "install the same" in hint
    here, *nodes = (dict(checks) for checks in result["looked"])
    assert "versions" not in here
    assert sorted(node["versions"] for node in nodes) == ["fault", "ok", "ok"], "of the head, and of two nodes"
    assert all(node.keys() > {"torch", "Ray", "CUDA", "memory"} and "ports" not in node for node in nodes)
    assert (result["finished"], result["failed"], result["retries"]) == (3, 0, 0), done.stderr
    assert len(result["told"]) == 2, done.stderr
    versions, card = sorted(result["told"], key=lambda reason: "ECC" in reason)
    assert versions.startswith("it has torch 1.0 in place of")
    assert "uncorrectable ECC error" in card
    assert result["events"].count("node unfit") == 2
    error, remedy = result["without"]
    assert error.startswith("no machine is left that can do a job: ")
    assert "uncorrectable ECC error" in error
    assert "raysat doctor" in remedy
    assert done.stderr.count("it gets no more jobs of this run") == 2
