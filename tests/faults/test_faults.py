"""Real kills at random moments: what was finished stays, one epoch is repeated at most, the numbers are the same.

A few moments by default; ``pytest tests/faults --faults 50`` for a long soak.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from tests.helpers.faults import (
    assert_nothing_was_lost,
    assert_whole,
    begun,
    finish,
    kill,
    leaderboard,
    seconds_of,
    seconds_saved,
    start,
    wait_for,
    weights,
)
from tests.helpers.processes import command, descendants

pytestmark = [
    pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in Linux's /proc"),
    pytest.mark.timeout(600),
]


def test_a_killed_driver(
    tmp_path: Path, space: Path, landsat_store: PatchStore, undisturbed: Path, moment: int
) -> None:
    """SIGKILL of the driver, again and again in a soak: the same command goes on."""
    chance = random.Random(moment)
    for _ in range(1 + moment):
        process = start(space, landsat_store, tmp_path)
        wait_for(lambda p=process: begun(tmp_path)() and any(descendants(p.pid)), process)
        time.sleep(chance.uniform(0.0, 6.0))
        kill(process.pid)
        process.communicate(timeout=60)
        records, saved = seconds_of(tmp_path), seconds_saved(tmp_path)
    finish(space, landsat_store, tmp_path)
    assert_whole(tmp_path)
    assert_nothing_was_lost(space, landsat_store, tmp_path, records, saved)
    assert leaderboard(tmp_path) == leaderboard(undisturbed)
    assert weights(tmp_path) == weights(undisturbed)


def test_a_killed_worker(
    tmp_path: Path, space: Path, landsat_store: PatchStore, undisturbed: Path, moment: int
) -> None:
    """SIGKILL of the process that trains: the run itself goes on, in a new one."""
    chance = random.Random(moment)
    process = start(space, landsat_store, tmp_path)
    try:
        wait_for(begun(tmp_path), process)
        time.sleep(chance.uniform(0.0, 1.0))
        workers = [pid for pid in descendants(process.pid) if "ResourceTrainable" in command(pid)]
        assert workers, "nothing to kill"
        kill(chance.choice(workers))
        saved = seconds_saved(tmp_path)
        output, _ = process.communicate(timeout=280)
    finally:
        process.kill()
    assert process.returncode == 1, output
    assert_whole(tmp_path)
    assert_nothing_was_lost(space, landsat_store, tmp_path, {}, saved)
    assert leaderboard(tmp_path) == leaderboard(undisturbed)
    assert weights(tmp_path) == weights(undisturbed)


NODES = """
import os, signal, sys, threading, time
from pathlib import Path
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # on loopback alone
from ray.cluster_utils import Cluster
from raysat.storage.checkpoints import Checkpoints

space, store, out, delay = sys.argv[1:]
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]

def kill_a_node():
    run = Path(out) / "faults"
    while not (any(Checkpoints(run).names()) or any(run.glob("trials/*/record.json"))):
        time.sleep(0.05)
    time.sleep(float(delay))
    (raylet,) = nodes[0].all_processes["raylet"]
    os.kill(raylet.process.pid, signal.SIGKILL)
    print("KILLED", flush=True)

threading.Thread(target=kill_a_node, daemon=True).start()
from raysat.cli.main import main
sys.argv = ["raysat", "ablate", "--space", space, "--data", store, "--out", out, "--address", cluster.address,
            "--cpus-per-trial", "1", "--checkpoint-every", "1epoch"]
try:
    main()
finally:
    cluster.shutdown()
"""


def test_a_lost_node(tmp_path: Path, space: Path, landsat_store: PatchStore, undisturbed: Path, moment: int) -> None:
    """SIGKILL of a node's raylet, which takes its workers along: the other node does the rest."""
    delay = str(random.Random(moment).uniform(0.0, 2.0))
    done = subprocess.run(
        [sys.executable, "-c", NODES, str(space), str(landsat_store.path), str(tmp_path), delay],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        env={key: value for key, value in os.environ.items() if not key.startswith("RAY_")},
    )
    assert "KILLED" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1, done.stdout + done.stderr
    assert_whole(tmp_path)
    assert leaderboard(tmp_path) == leaderboard(undisturbed)
    assert weights(tmp_path) == weights(undisturbed)
