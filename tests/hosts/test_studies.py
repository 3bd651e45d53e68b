"""Studies over three hosts without a shared disk: each epoch trained once, and what one machine alone comes to."""

import json
import shutil
import signal
import subprocess
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
from tests.helpers.outcome import outcome
from tests.helpers.paths import SPACES
from tests.helpers.patience import PATIENCE_S
from tests.hosts.conftest import S3_PORT, Machines

pytestmark = pytest.mark.slow

BUCKET = "s3://study"
# Asks for a run that another driver fills, as soon as that one holds it.
SECOND = f"""
import os, sys, time
from raysat.files import as_path
from raysat.storage.lease import lease_holder
while not lease_holder(as_path("{BUCKET}/runs/table2")):
    time.sleep(0.1)
os.execvp(sys.argv[1], sys.argv[1:])
"""
UPLOAD = f"""
import sys
from pathlib import Path
from raysat.files import as_path
from tests.helpers.object_store import ask
from tests.helpers.remote import upload
ask(sys.argv[1] + "/study", "PUT")
upload(Path("store"), as_path("{BUCKET}/store"))
"""
GENERATED = """
  long: {optim.epochs: 20, loss: {kind: focal}}
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
    """Table 2's seven arms, of a tiny model for two epochs, a longer one, and two with generated patches."""
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


def words(*more: object, data: str = "store", out: str = "runs") -> tuple[object, ...]:
    return "raysat", "ablate", "--space", "study.yaml", "--data", data, "--out", out, "--cpus-per-trial", 1, *more


def trained(plan: Plan) -> Counter[tuple[str, int]]:
    """How often a run has to tell of each epoch and step: once, where it is done, and where a branch begins."""
    epochs: Counter[tuple[str, int]] = Counter()
    for job in train_jobs(plan.trials):
        for epoch in range(job.start_epoch or 1, job.trials[-1].epochs + 1):
            epochs[next(trial.id for trial in job.trials if trial.epochs >= epoch), epoch] += 1
    return epochs + Counter({(job.id, step): 1 for job in plan.generate_jobs for step in range(1, job.epochs + 1)})


@pytest.fixture(scope="module", name="alone")
def _alone(machines: list[Host], small_store: PatchStore) -> dict[str, str]:
    """The study on one machine, with a Ray of its own."""
    home = give(machines[2], small_store, table2())
    machines[2].run(*words(out="alone"))
    shutil.rmtree(home / "store")
    return outcome(home / "alone" / "table2")


def test_table2_with_generated_arms_trains_each_epoch_once_and_equals_one_machine(
    cluster: Machines, small_store: PatchStore, alone: dict[str, str]
) -> None:
    """Store and results lie on the disk of the second host alone, where the driver runs; the head is the first."""
    home = give(cluster.second, small_store, table2())
    printed = cluster.second.run("python", "-c", COUNTED, cluster.address)
    finished, failed, heard = json.loads(printed.splitlines()[-1])
    plan = make_plan(load_study(home / "study.yaml"), PatchStore.open(home / "store"))
    assert (finished, failed) == (len(plan.trials) + len(plan.generate_jobs), 0) == (12, 0)
    assert {(name, epoch): times for name, epoch, times in heard} == trained(plan)
    assert outcome(home / "runs" / "table2") == alone
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
    cluster.head.run(*words("--workers", 2, "--address", cluster.address))
    cluster.third.run(*words("--workers", 2))
    over_hosts, on_one = (home / "runs" / "parallel" for home in homes)
    (trial,) = Ledger.open(over_hosts).read_plan().trial_ids
    assert Ledger.open(over_hosts).read(trial).hardware.workers == 2
    assert outcome(over_hosts) == outcome(on_one)


def test_from_a_url_to_a_url_with_a_driver_that_is_killed_and_started_again_on_another_host(
    cluster: Machines, small_store: PatchStore, alone: dict[str, str]
) -> None:
    """Meanwhile a driver on a third host is refused. No disk holds the study's data or its results."""
    home = give(cluster.third, small_store, table2())
    for host in (cluster.head, cluster.second):
        (host.tmp / "home" / "study.yaml").write_text(table2(), encoding="utf-8")
    cluster.third.start("moto_server", "-H", cluster.third.address, "-p", S3_PORT, stdout=subprocess.DEVNULL)
    cluster.third.run(
        "bash", "-c", f"until (: < /dev/tcp/{cluster.third.address}/{S3_PORT}) 2> /dev/null; do sleep 0.1; done"
    )
    cluster.third.run("python", "-c", UPLOAD, cluster.s3["AWS_ENDPOINT_URL"], environment=cluster.s3)
    shutil.rmtree(home / "store")
    command = words("--address", cluster.address, data=f"{BUCKET}/store", out=f"{BUCKET}/runs")

    first = cluster.second.start(*command, environment=cluster.s3)
    refused = cluster.third.start("python", "-c", SECOND, *command, environment=cluster.s3)
    output, _ = refused.communicate(timeout=PATIENCE_S)
    assert first.poll() is None
    assert refused.returncode == 3, output
    assert "in use by another raysat (pid " in output
    assert " on host2" in output
    assert cluster.second.kill("raysat ablate") == 1
    assert first.wait(timeout=10) == -signal.SIGKILL

    cluster.head.run(*command, environment=cluster.s3)
    run = f"{BUCKET}/runs/table2"
    found = cluster.head.run("python", "-m", "tests.helpers.outcome", run, environment=cluster.s3)
    says_where = {"leaderboard.md", "leaderboard.json"}  # the data lie
    different = {name for name, digest in json.loads(found.splitlines()[-1]).items() if alone[name] != digest}
    assert different == says_where
    assert "whole      10 records" in cluster.third.run("raysat", "ledger", "verify", run, environment=cluster.s3)
