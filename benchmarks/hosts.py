"""Trivial trials on three hosts of one CPU each, beside the same on one host of three: seconds of the whole command.

    python benchmarks/hosts.py [--trials 10] [--repeats 3]

The hosts are namespaces of this machine (``tests/helpers/hosts.py``) and share its cores; nothing but the
network leads from one to another. Store and results lie on the first one's disk alone, where the command runs.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from raysat.data.store import StoreWriter

sys.path.insert(0, str(Path(__file__).parents[1]))  # the hosts are those of the tests

from tests.helpers.cluster import start_ray
from tests.helpers.hosts import Host, hosts

CORES = 3
STUDY = "study: trivial\nbase: {model: {name: test_resnet}, optim: {epochs: 1, batch_size: 16}}\nseeds: "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, hosts(Path(folder), count=CORES + 1) as machines:
        several, one = machines[:CORES], machines[CORES:]
        addresses = start_ray(several, cpus=(1,) * CORES), start_ray(one, cpus=(CORES,))
        for host in (several[0], one[0]):
            prepare(host, options.trials)
        seconds: list[tuple[float, float]] = []
        for repeat in range(options.repeats):
            pair = [
                timed(host, address, f"runs{repeat}")
                for host, address in zip((several[0], one[0]), addresses, strict=True)
            ]
            seconds.append((pair[0], pair[1]))
            print(f"{options.trials} trials: {CORES} hosts {pair[0]:.1f} s, one host {pair[1]:.1f} s", flush=True)
    ratio = statistics.median(hosts_s / one_s for hosts_s, one_s in seconds)
    print(f"ratio {ratio:.2f} (median of n = {len(seconds)})")


def prepare(host: Host, trials: int) -> None:
    """Put a store of 96 patches and a study of so many trials on a host's disk."""
    home, rng = host.tmp / "home", np.random.default_rng(0)
    with StoreWriter(home / "store", bands=("B2", "B5"), classes=("a", "b"), sensor="landsat8", source={}) as writer:
        for index in range(96):
            patch = rng.integers(0, 200, (2, 16, 16)).astype(np.uint8)
            writer.add(patch, index % 2, ("train", "train", "val", "test")[index // 2 % 4])
        writer.close()
    (home / "trivial.yaml").write_text(f"{STUDY}{trials}\n", encoding="utf-8")


def timed(host: Host, address: str, out: str) -> float:
    """Seconds from the start of a command on a host to its end."""
    began = time.monotonic()
    words = ("ablate", "--space", "trivial.yaml", "--data", "store", "--out", out)
    host.run("raysat", *words, "--cpus-per-trial", 1, "--address", address, timeout=600)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
