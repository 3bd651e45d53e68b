"""Times steps of training and the evaluation for each arm of the paper's tables, a process of its own.

    python -m full_sizing.steps STORE STEPS RESULTS [--all-arms] SPACE ...

Arms that differ in their loss, sampler or schedule alone take the same steps: one of them is timed for all, unless
``--all-arms`` is given. Generated patches are left out: they are patches like others.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path
from typing import Any

import torch

from raysat.config.schema import Config, NoSynthetic, Trial
from raysat.data.store import PatchStore
from raysat.planning.build import Plan, make_plan
from raysat.study.load import load_study
from raysat.training.device import EVALUATION_BATCH, default_device
from raysat.training.engine import Engine


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("steps", type=int)
    parser.add_argument("results", type=Path)
    parser.add_argument("spaces", type=Path, nargs="+")
    parser.add_argument("--all-arms", action="store_true")
    given = parser.parse_args()
    store, found = PatchStore.open(given.store), {}
    timed: dict[Any, dict[str, float]] = {}
    for space in given.spaces:
        plan = make_plan(load_study(space), store)
        for arm, config in configs(plan).items():
            key = (space, arm) if given.all_arms else (config.model, config.data, config.augment, config.average)
            if key not in timed:
                timed[key] = rates(config, store, given.steps)
            found[f"{plan.study.name} {arm}"] = timed[key]
    given.results.write_text(json.dumps(found), encoding="utf-8")


def configs(plan: Plan) -> dict[str, Config]:
    """Each arm's configuration."""
    by_id = {trial.id: trial.trial.config for trial in plan.trials}
    return {arm: by_id[next(iter(seeds.values()))] for arm, seeds in plan.trial_ids.items()}


def rates(config: Config, store: PatchStore, steps: int) -> dict[str, float]:
    """Patches a second in training after the first step, and in evaluation."""
    real = config.model_copy(update={"synthetic": NoSynthetic()})
    device = default_device()
    engine = Engine(Trial(config=real, seed=0), store, device)
    trained = run_steps(engine, steps)
    split = engine.evaluation_splits[0]
    patches = min(len(engine.patches[split]), EVALUATION_BATCH)
    began = time.perf_counter()
    with torch.inference_mode():
        engine.network.eval()
        engine.network(engine._scale.normalise(engine.patches[split].take(range(patches))))
    return {"train": trained, "evaluate": patches / (time.perf_counter() - began)}


def run_steps(engine: Engine, steps: int) -> float:
    """Patches a second of some steps, after one more that warms up."""
    batches = engine._batches(0)[: steps + 1]
    moved = [average for average in engine.averages.values() if average.takes_every_step]
    engine._parallel.train()
    inputs = engine._inputs(0, batches, engine._step.weights_K.double().cpu().numpy(), moved)
    engine._take_steps(0, itertools.islice(inputs, 1), moved)
    began = time.perf_counter()
    engine._take_steps(0, inputs, moved)
    if engine.device.type == "cuda":
        torch.cuda.synchronize()
    return sum(map(len, batches[1:])) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
