"""Times two steps and two batches of evaluation for each arm of the paper's tables, a process of its own.

    python -m full_sizing.steps STORE RESULTS [--all-arms] SPACE ...

Arms that differ alone in their loss, sampler, schedule, or in an average of whole epochs, take the same steps: one of
them is timed for all, unless ``--all-arms`` is given. Generated patches are left out: they are patches like others.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from raysat.config.schema import Config
from raysat.data.store import PatchStore
from raysat.planning.build import Plan, make_plan
from raysat.study.load import load_study
from raysat.training.calibration import measure


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("spaces", type=Path, nargs="+")
    parser.add_argument("--all-arms", action="store_true")
    given = parser.parse_args()
    store, found = PatchStore.open(given.store), {}
    timed: dict[Any, dict[str, float]] = {}
    for space in given.spaces:
        plan = make_plan(load_study(space), store)
        for arm, config in configs(plan).items():
            key = (space, arm) if given.all_arms else kind_of_step(config)
            if key not in timed:
                pace = measure(config, store, seconds=0.1)  # a step and a batch after one that warms up
                timed[key] = {"train": pace.trained, "evaluate": pace.evaluated}
            found[f"{plan.study.name} {arm}"] = timed[key]
    given.results.write_text(json.dumps(found), encoding="utf-8")


def kind_of_step(config: Config) -> tuple[Any, ...]:
    """What decides how long a step takes."""
    average = config.average if config.average.kind == "ema" else None
    return config.model, config.data, config.augment, average


def configs(plan: Plan) -> dict[str, Config]:
    """Each arm's configuration."""
    by_id = {trial.id: trial.trial.config for trial in plan.trials}
    return {arm: by_id[next(iter(seeds.values()))] for arm, seeds in plan.trial_ids.items()}


if __name__ == "__main__":
    main()
