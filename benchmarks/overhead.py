"""What Ray costs a trial: the same tiny trials in one plain process, and through raysat's slots.

    python benchmarks/overhead.py [--trials 14]

Prints seconds for both, the cost per trial after the first, and the ratio; one run, one machine, side by side.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from raysat.data.store import PatchStore, StoreWriter
from raysat.planning.build import Plan, make_plan
from raysat.storage.artifacts import Artifacts
from raysat.storage.ledger import Ledger
from raysat.study.load import load_study
from raysat.training.loop import train

STUDY = "base: {{model: {{name: test_resnet}}, optim: {{epochs: 2, batch_size: 16}}}}\nseeds: {trials}\n"


def make_store(path: Path) -> PatchStore:
    rng = np.random.default_rng(0)
    with StoreWriter(path, bands=("B4", "B3", "B2"), classes=("a", "b"), sensor="landsat8", source={}) as writer:
        for index in range(96):
            split = "train" if index < 64 else "val"
            writer.add(rng.integers(0, 255, (3, 32, 32), dtype=np.uint8), index % 2, split)
        return writer.close()


def in_one_process(plan: Plan) -> list[float]:
    """Seconds at which each trial ended, the imports already done."""
    ended, began = [], time.perf_counter()
    for job in plan.trials:
        train(job.trial, plan.store)
        ended.append(time.perf_counter() - began)
    return ended


def on_ray(plan: Plan, folder: Path) -> list[float]:
    """Seconds at which each trial ended, counted from before Ray starts."""
    from raysat.execution.cluster_options import ClusterOptions
    from raysat.execution.run import run

    ledger, began = Ledger(folder), time.time()
    run(plan, plan.trials, ledger, Artifacts(folder / "generated"), ClusterOptions())
    records = [ledger.read(job.id) for job in plan.trials]
    return sorted(record.ended - began for record in records)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=14)
    trials = parser.parse_args().trials
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "overhead.yaml"
        study.write_text(STUDY.format(trials=trials), encoding="utf-8")
        plan = make_plan(load_study(study), make_store(Path(folder) / "store"))
        torch.set_num_threads(max(1, torch.get_num_threads()))
        in_one_process(plan)  # once to warm up: the first step of a process is slow
        plain, ray = in_one_process(plan), on_ray(plan, Path(folder) / "run")
    print(f"{'':24}{'first trial ends':>18}{'all end':>10}{'a further trial, median s':>28}")
    steps = {}
    for name, ended in (("one plain process", plain), ("slots on Ray", ray)):
        steps[name] = float(np.median([b - a for a, b in itertools.pairwise(ended)]))
        print(f"{name:24}{ended[0]:18.2f}{ended[-1]:10.2f}{steps[name]:28.3f}")
    extra = steps["slots on Ray"] - steps["one plain process"]
    print(
        f"a further trial costs {extra:.2f} s more on Ray (n = {trials - 1} steps), {ray[-1] / plain[-1]:.1f} x in all"
    )


if __name__ == "__main__":
    main()
