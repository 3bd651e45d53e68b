"""Studies over three hosts without a shared disk: each epoch trained once, and what one machine alone comes to."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.planning.build import Plan, make_plan
from raysat.planning.stages import train_jobs
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from tests.helpers.hosts import Host
from tests.helpers.outcome import assert_equal
from tests.helpers.paths import SPACES
from tests.hosts.conftest import Machines

GENERATED = """
  gan: {synthetic: {kind: dcgan, steps: 6, width: 4, batch_size: 8}}
  gan and LDAM: {loss: {kind: ldam}, synthetic: {kind: dcgan, steps: 6, width: 4, batch_size: 8}}
"""
# What a caller of the Python API hears of a run: each epoch of a trial, each step of a generator, as it is done.
COUNTED = """
import json, sys
from collections import Counter
import raysat
from raysat.execution.events import Progress
from raysat.execution.messages import State
heard = Counter()
def listen(event):
    if isinstance(event, Progress) and event.row and event.row.state == State.TRAINING:
        heard[event.row.item.id, event.row.epoch] += 1
cluster = raysat.ClusterOptions(address=sys.argv[1], cpus_per_trial=1)
run = raysat.ablate("study.yaml", "store", out="runs", cluster=cluster, on_event=listen)
print(json.dumps([run.outcome.finished, run.outcome.failed, [[*key, times] for key, times in heard.items()]]))
"""


def table2() -> str:
    """Table 2's seven arms, of a tiny model for two epochs, and two with generated patches."""
    text = (SPACES / "table2.yaml").read_text(encoding="utf-8")
    text = text.replace("{name: resnet18}", "{name: test_resnet}").replace("epochs: 40", "epochs: 2")
    text = text.replace("batch_size: 32", "batch_size: 16").replace("seeds: [0, 1, 2]", "seeds: 1")
    return text.replace("reference: table2\n", GENERATED)


def give(host: Host, store: PatchStore, study: str) -> Path:
    """Put a store and a study on a host's disk; return its home, as it is seen from here."""
    home = host.tmp / "home"
    shutil.copytree(store.path, home / "store", dirs_exist_ok=True)
    (home / "study.yaml").write_text(study, encoding="utf-8")
    return home


def ablate(host: Host, *more: object, out: str = "runs") -> str:
    words = ("ablate", "--space", "study.yaml", "--data", "store", "--out", out, "--cpus-per-trial", 1)
    return host.run("raysat", *words, *more, timeout=200)


def trained(plan: Plan) -> Counter[tuple[str, int]]:
    """How often a run has to tell of each epoch and step: once, where it is done, and where a branch begins."""
    epochs: Counter[tuple[str, int]] = Counter()
    for job in train_jobs(plan.trials):
        for epoch in range(job.start_epoch or 1, job.trials[-1].epochs + 1):
            epochs[next(trial.id for trial in job.trials if trial.epochs >= epoch), epoch] += 1
    return epochs + Counter({(job.id, step): 1 for job in plan.generate_jobs for step in range(1, job.epochs + 1)})


@pytest.fixture(scope="module", name="alone")
def _alone(machines: list[Host], small_store: PatchStore) -> Path:
    """The study on one machine, with a Ray of its own."""
    home = give(machines[2], small_store, table2())
    ablate(machines[2], out="alone")
    shutil.rmtree(home / "store")
    return home / "alone" / "table2"


def test_table2_with_generated_arms_trains_each_epoch_once_and_equals_one_machine(
    cluster: Machines, small_store: PatchStore, alone: Path
) -> None:
    """Store and results lie on the disk of the second host alone, where the driver runs; the head is the first."""
    home = give(cluster.second, small_store, table2())
    printed = cluster.second.run("python", "-c", COUNTED, cluster.address, timeout=200)
    finished, failed, heard = json.loads(printed.splitlines()[-1])
    plan = make_plan(load_study(home / "study.yaml"), PatchStore.open(home / "store"))
    assert (finished, failed) == (len(plan.trials) + len(plan.generate_jobs), 0) == (11, 0)
    assert {(name, epoch): times for name, epoch, times in heard} == trained(plan)
    assert_equal(home / "runs" / "table2", alone)
    ledger = Ledger.open(home / "runs" / "table2")
    assert not ledger.checkpoints.root.exists()
    records = [ledger.read(trial.id) for trial in plan.trials]
    made = [Artifacts(home / "runs" / "generated").read(job.id) for job in plan.generate_jobs]
    assert len({record.hardware.node for record in (*records, *made)}) > 1, "one host did it all"
    for host in (cluster.head, cluster.third):
        assert not any(host.tmp.glob("home/**/runs"))
    for host in (cluster.head, cluster.second, cluster.third):
        assert [path.name for path in host.tmp.glob("raysat*")] == []


def test_two_workers_of_a_trial_on_two_hosts_equal_two_on_one(cluster: Machines, small_store: PatchStore) -> None:
    """No host has the CPUs for both; the driver runs on the head."""
    study = "study: parallel\nbase: {model: {name: test_resnet}, optim: {epochs: 2, batch_size: 16}}\n"
    homes = [give(host, small_store, study) for host in (cluster.head, cluster.third)]
    ablate(cluster.head, "--workers", 2, "--address", cluster.address)
    ablate(cluster.third, "--workers", 2)
    over_hosts, on_one = (home / "runs" / "parallel" for home in homes)
    (trial,) = Ledger.open(over_hosts).read_plan().trial_ids
    assert Ledger.open(over_hosts).read(trial).hardware.workers == 2
    assert_equal(over_hosts, on_one)
