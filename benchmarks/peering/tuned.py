"""Ray's documented pattern: Tune over a function that runs one TorchTrainer for each trial, one CPU each at a time.

python -m peering.tuned SPACE STORE RESULTS
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import ray.tune
from ray.tune.integration.ray_train import TuneReportCallback

from peering import plain
from peering.results import Trained, write
from peering.study import tasks
from raysat.data.store import PatchStore


def train_trial(config: dict[str, Any]) -> None:
    """Train in a worker of Ray Train, and report."""
    store = PatchStore.open(config["store"])
    task = tasks(Path(config["space"]), store)[config["index"]]
    ray.train.report({"trained": asdict(plain.train(task, plain.splits(store)))})


def main() -> None:
    space, store_path, results = map(Path, sys.argv[1:])
    os.environ["RAY_TRAIN_V2_ENABLED"] = "1"
    here = str(Path(__file__).parents[1])
    ray.init(
        "local",
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": f"{here}:{Path(here).parent}"}},
    )
    count = len(tasks(space, PatchStore.open(store_path)))
    with tempfile.TemporaryDirectory() as folder:

        def drive(config: dict[str, Any]) -> None:
            ray.train.torch.TorchTrainer(
                train_trial,
                train_loop_config=config,
                scaling_config=ray.train.ScalingConfig(num_workers=1, resources_per_worker={"CPU": 0.99}),
                run_config=ray.train.RunConfig(
                    name=f"train-{config['index']}", storage_path=folder, callbacks=[TuneReportCallback()]
                ),
            ).fit()

        found = ray.tune.Tuner(
            ray.tune.with_resources(drive, {"CPU": 0.01}),
            param_space={"index": ray.tune.grid_search(range(count)), "space": str(space), "store": str(store_path)},
            tune_config=ray.tune.TuneConfig(max_concurrent_trials=int(ray.cluster_resources()["CPU"])),
            run_config=ray.tune.RunConfig(name="tune", storage_path=folder, verbose=0),
        ).fit()
        write(results, [Trained(**result.metrics["trained"]) for result in found if result.metrics])
    ray.shutdown()


if __name__ == "__main__":
    main()
