"""Nodes that join and leave while a study runs: new ones are used at once, lost ones are no fault of the trials'."""

import json
import os
import subprocess
import sys
from pathlib import Path

from raysat.data.store import PatchStore
from tests.helpers.holding import holding
from tests.helpers.patience import PATIENCE_S

# In a process of its own: Ray connects to one cluster at a time.
SCRIPT = """
import json, os, signal, sys, time
from pathlib import Path
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on loopback alone
from ray.cluster_utils import Cluster
from rich.console import Console
from raysat.api.ablation import ablate
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.events import NodeLost, Progress, Resized, Started
from raysat.views.run import RunView

store, space, out = sys.argv[1:]
settings = {"health_check_period_ms": 500, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 3}
head = {"num_cpus": 0, "include_dashboard": False, "_system_config": settings}
cluster = Cluster(initialize_head=True, head_node_args=head)
nodes = [cluster.add_node(num_cpus=1)]
view, seen, told = RunView(Console(file=sys.stderr)), [], []

def lose(node):
    (raylet,) = node.all_processes["raylet"]
    os.kill(raylet.process.pid, signal.SIGKILL)

def on_event(event):
    view(event)
    match event:
        case Started(state=state):
            told.append(state)
        case Resized(slots=slots):
            seen.append(["slots", slots])
        case NodeLost(jobs=jobs):
            seen.append(["lost", jobs])
        case Progress(row=row) if row is not None:
            if row.state == "training" and "join" not in began:
                nodes.append(cluster.add_node(num_cpus=1))
                began["join"] = time.monotonic()
            running = told[0].running
            if running == 2 and "two" not in began and row.state == "training":
                began["two"] = time.monotonic()
                lose(nodes[1])  # whose job has just begun
    if len(seen) == 3:  # two slots, the loss, one slot
        Path(os.environ["GO"]).touch()

began = {}
run = ablate(space, store, out=out, cluster=ClusterOptions(address=cluster.address, cpus_per_trial=1, retries=0),
             on_event=on_event)
state = told[0]
print(json.dumps({
    "seconds until two ran": began["two"] - began["join"],
    "seen": seen,
    "finished": run.outcome.finished,
    "failed": run.outcome.failed,
    "lost nodes": sum(state.lost_nodes.values()),
    "retries": state.retries,
}))
cluster.shutdown()
"""


def test_a_node_that_joins_is_used_and_one_that_leaves_gives_its_job_back(
    tmp_path: Path, landsat_store: PatchStore
) -> None:
    """Even with no retries: a lost node is not the trial's fault. No training ends before all that has happened."""
    space = tmp_path / "elastic.yaml"
    space.write_text(
        "base: {model: {name: test_resnet}, optim: {epochs: 4, batch_size: 16}}\nseeds: 1\n"
        "arms: {first: {}, second: {loss: {kind: ldam}}}\n",  # the second waits for the second node
        encoding="utf-8",
    )
    command = [sys.executable, "-c", SCRIPT, str(landsat_store.path), str(space), str(tmp_path / "runs")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=os.environ | holding(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["seconds until two ran"] < 90, "long before the run ends"
    assert (result["finished"], result["failed"]) == (2, 0)
    assert (result["lost nodes"], result["retries"]) == (1, 0)
    assert result["seen"][0] == ["slots", 2]
    assert sorted(result["seen"][1:]) == [["lost", 1], ["slots", 1]]
    assert "lost node" in done.stderr
    assert "1 job goes back to the queue" in done.stderr
