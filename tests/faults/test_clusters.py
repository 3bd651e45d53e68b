"""Two drivers on a cluster that raysat only connects to: they share it, one is stopped, then the cluster's GCS dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from raysat.data.store import PatchStore
from raysat.storage.heartbeat import read_status
from tests.helpers.loopback import Running, loopback_cluster, without_ray
from tests.helpers.patience import PATIENCE_S
from tests.helpers.processes import command, marked

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in Linux's /proc")


@pytest.fixture(name="cluster")
def _cluster(tmp_path: Path) -> Iterator[Running]:
    with loopback_cluster(tmp_path / "host", 2) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Driver:
    """A study on the cluster."""

    process: "subprocess.Popen[str]"
    folder: Path  # all that is its own

    @property
    def mark(self) -> str:
        return str(self.folder)

    @property
    def running(self) -> int:
        """How many trials train."""
        status = read_status(self.folder / "runs" / "shared" / "progress.json")
        return 0 if status is None else len([job for job in status.running if job.epoch])

    def end(self, number: int, seconds: float) -> str:
        """Wait for its end, by an exit code, and return what it said."""
        output, _ = self.process.communicate(timeout=seconds)
        assert self.process.returncode == number, output
        assert "Traceback" not in output
        assert not [command(pid) for pid in marked(self.mark)]
        assert list((self.folder / "tmp").iterdir()) == []
        return output


def start(folder: Path, store: PatchStore, cluster: Running, seed: int) -> Driver:
    (folder / "tmp").mkdir(parents=True)
    space = folder / "shared.yaml"
    space.write_text(
        "base: {model: {name: test_resnet}, optim: {epochs: 40, batch_size: 16}}\n"
        f"seeds: {list(range(seed, seed + 20))}\n",
        encoding="utf-8",
    )
    words = ["ablate", "--space", space, "--data", store.path, "--out", folder / "runs"]
    words += ["--address", cluster.address, "--cpus-per-trial", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "raysat", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=without_ray() | {"MARK": str(folder), "TMPDIR": str(folder / "tmp")},
        start_new_session=True,
    )
    return Driver(process, folder)


def wait_for_both(first: Driver, second: Driver) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (first.running, second.running) != (1, 1):
        for driver in (first, second):
            assert driver.process.poll() is None, driver.process.communicate()
        assert time.monotonic() < deadline, (first.running, second.running)
        time.sleep(0.1)


def test_drivers_share_a_cluster_and_end_clean_when_stopped_and_when_it_dies(
    tmp_path: Path, landsat_store: PatchStore, cluster: Running
) -> None:
    drivers = [start(tmp_path / name, landsat_store, cluster, seed) for name, seed in (("a", 0), ("b", 100))]
    stopped, left = drivers
    try:
        wait_for_both(stopped, left)
        began = time.monotonic()
        os.killpg(stopped.process.pid, signal.SIGTERM)
        output = stopped.end(143, 20)  # `ray job stop` gives three: benchmarks/reactions.py measures that
        assert output.rstrip().endswith("stopped; the same command resumes from here")

        while left.running < 2:  # takes over what the other one held
            assert left.process.poll() is None
            assert time.monotonic() - began < 150
            time.sleep(0.1)
        assert list(cluster.temporary.glob("raysat*")) == [], "of slots of the one that was stopped"

        os.kill(cluster.gcs, signal.SIGKILL)
        error, hint = left.end(3, 60).splitlines()[-2:]
        assert error.startswith(f"error: the cluster at {cluster.address} is lost")
        assert hint.startswith("hint: ")
        assert "the same command resumes" in hint
    finally:
        for driver in drivers:
            driver.process.kill()
