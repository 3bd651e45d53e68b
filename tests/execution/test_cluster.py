"""A study on two nodes beside a head without CPUs: both of them train, and each writes what it has trained."""

import json
import subprocess
import sys
from pathlib import Path

from raysat.data.store import PatchStore

# In a process of its own: Ray connects to one cluster at a time, and the rest of the suite shares another.
SCRIPT = """
import json, os, sys
from pathlib import Path
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on loopback alone
from ray.cluster_utils import Cluster
from rich.console import Console
from raysat.views.run import RunView
from raysat.data.store import PatchStore
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.planning.build import make_plan
from raysat.study.load import load_study
from raysat.execution.cluster_options import ClusterOptions
from raysat.execution.run import run

store, space, out = sys.argv[1:]
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})  # as cluster.yaml's: it trains nothing
cluster.add_node(num_cpus=1)
cluster.add_node(num_cpus=1)
plan = make_plan(load_study(Path(space)), PatchStore.open(store))
ledger = Ledger(out)
options = ClusterOptions(address=cluster.address, cpus_per_trial=1)
artifacts = Artifacts(ledger.root.parent / "generated")
summary = run(plan, plan.trials, ledger, artifacts, options, RunView(Console(file=sys.stderr)))
records = [ledger.read(job.id) for job in plan.trials]
print(json.dumps({
    "finished": summary.finished,
    "nodes": [record.hardware.node for record in records],
    "spans": [[record.started, record.started + record.seconds] for record in records],
}))
cluster.shutdown()
"""


def test_a_study_runs_on_two_nodes_at_once(tmp_path: Path, landsat_store: PatchStore) -> None:
    space = tmp_path / "two.yaml"
    space.write_text(  # seconds each: a node's slot may start seconds after the other's
        "base: {model: {name: test_resnet}, optim: {epochs: 30, batch_size: 16}}\nseeds: 4\n", encoding="utf-8"
    )
    command = [sys.executable, "-c", SCRIPT, str(landsat_store.path), str(space), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["finished"] == 4
    assert len(set(result["nodes"])) == 2
    first, second = (
        sorted(span for span, where in zip(result["spans"], result["nodes"], strict=True) if where == node)
        for node in sorted(set(result["nodes"]))
    )
    assert any(a[0] < b[1] and b[0] < a[1] for a in first for b in second), "the nodes took turns"


def test_the_process_is_afterwards_as_before() -> None:
    code = (
        "import logging, os, signal\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "os.environ['PYTHONBREAKPOINT'] = '0'\n"
        "def state():\n"
        "    root = logging.getLogger()\n"
        "    signals = [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]\n"
        "    return root.level, list(root.handlers), signals, os.environ.get('PYTHONBREAKPOINT')\n"
        "heard = []\n"
        "signal.signal(signal.SIGTERM, lambda *_: heard.append('SIGTERM'))\n"
        "before = state()\n"
        "from raysat.execution.connection import connect\n"
        "with connect(None):\n"
        "    pass\n"
        "assert state() == before, (before, state())\n"
        "os.kill(os.getpid(), signal.SIGTERM)  # Ray's C++ code knows nothing of Python's handlers\n"
        "assert heard\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
