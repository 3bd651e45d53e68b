"""Whether a change kept every number: tiny runs of everything, compared byte for byte with a stored reference.

    python benchmarks/golden.py            # compare with benchmarks/golden.json; exit code 1 where a number differs
    python benchmarks/golden.py --write    # make the reference anew, after a change of numbers on purpose

Runs, on a synthetic store of 120 patches: the paper's Table 2 with two seeds, a grid with effects, a GAN beside a plain
arm, and a search for hyperparameters; reports all but the last. Compared are, by study, arm and seed, each trial's
metrics, its learning curve, and hashes of its probabilities and weights; every cell of the leaderboards and of the
reports' CSV files; and the candidates of the search. Times and ids are left out. Numbers are those of one kind of
machine: make the reference there first, before the change.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).with_suffix(".json")
TABLE2 = Path(__file__).parents[1] / "search_spaces" / "table2.yaml"
SMALL = ("--set", "model.name=test_resnet", "--set", "optim.batch_size=16", "--epochs", "4", "--seeds", "2")
THREADS = ("--cpus-per-trial", "2")  # they decide how sums are rounded
BASE = """
base:
  data: {bands: agriculture}
  model: {name: test_resnet}
  optim: {kind: adam, lr: 1.0e-3, batch_size: 16, epochs: 4}
"""
GRID = f"""study: grid{BASE}seeds: 3
grid:
  loss: [{{kind: cross_entropy}}, {{kind: ldam}}]
  reweight: [{{kind: none}}, {{kind: drw}}]
  average: [{{kind: none}}, {{kind: ema}}]
"""
GAN = f"""study: gan{BASE}seeds: 2
arms:
  plain: {{}}
  gan: {{synthetic: {{kind: dcgan, steps: 6, width: 4, batch_size: 8}}}}
"""
SEARCH = f"""study: search{BASE}seeds: [0]
search:
  optim.lr: {{log_uniform: [3.0e-4, 3.0e-2]}}
  loss: {{choice: [{{kind: cross_entropy}}, {{kind: ldam}}]}}
  loss.max_margin: {{uniform: [0.2, 0.8]}}
sampler: {{kind: tpe, seed: 0, startup: 3}}
stop: {{kind: asha, grace: 0.25, reduction: 2}}
budget: {{trials: 7}}
confirm: {{best: 2, seeds: 2}}
"""
NO_NUMBERS = ("job", "seconds")  # columns

Values = dict[str, dict[str, str]]  # run -> name of a value -> the value as text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    with tempfile.TemporaryDirectory() as folder:
        found = run_all(Path(folder))
    if not write:
        return compare(json.loads(REFERENCE.read_text(encoding="utf-8")), found)
    REFERENCE.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
    print(f"wrote {sum(map(len, found.values())):,} values to {REFERENCE.name}")
    return 0


def compare(expected: Values, found: Values) -> int:
    """Print what differs; values that are new are no difference."""
    differing = [
        f"{run}: {name}: {value} -> {found.get(run, {}).get(name, 'missing')}"
        for run, values in expected.items()
        for name, value in values.items()
        if found.get(run, {}).get(name) != value
    ]
    total = sum(map(len, expected.values()))
    print(f"{total - len(differing):,} of {total:,} values are the same")
    for line in differing[:20]:
        print(f"  {line}")
    return 1 if differing else 0


def run_all(folder: Path) -> Values:
    store, runs = folder / "store", folder / "runs"
    raysat("data", "synth", "--out", store, "--size", "120", "--seed", "3")
    common = ("--data", store, "--out", runs)
    spaces = {name: folder / f"{name}.yaml" for name in ("grid", "gan", "search")}
    for space, text in zip(spaces.values(), (GRID, GAN, SEARCH), strict=True):
        space.write_text(text, encoding="utf-8")
    raysat("ablate", "--space", TABLE2, *common, *SMALL, *THREADS)
    raysat("ablate", "--space", spaces["grid"], *common, *THREADS)
    raysat("ablate", "--space", spaces["gan"], *common)
    raysat(
        "tune", "--space", spaces["search"], *common, "--max-concurrent", "1"
    )  # each candidate knows those before it
    found = {}
    for name in ("table2", "grid", "gan"):
        raysat("report", runs / name, "--format", "csv")
        found[name] = dict(values_of(runs / name))
    return found | {"search": dict(cells(runs / "search" / "search.csv", "search"))}


def raysat(*words: object) -> None:
    print("raysat", *(str(word).rpartition("/")[2] for word in words), flush=True)
    command = [sys.executable, "-m", "raysat", *map(str, words)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)  # noqa: S603


def values_of(run: Path) -> Iterator[tuple[str, str]]:
    """Every number of a run, by a name that does not depend on ids."""
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    for arm in plan["arms"]:
        for trial in arm["trials"]:
            yield from trial_values(run / "trials" / trial["id"], f"{arm['name']} seed {trial['seed']}")
    yield from cells(run / "leaderboard.csv", "leaderboard")
    for file in sorted((run / "report").glob("*.csv")):
        yield from cells(file, file.stem)


def trial_values(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    import torch

    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    for split, metrics in record["metrics"].items():
        for metric, value in metrics.items():
            yield f"{name} {split} {metric}", json.dumps(value)
    with np.load(folder / "predictions.npz", allow_pickle=False) as predictions:
        yield f"{name} probabilities", digest(predictions["probabilities"])
    weights = torch.load(folder / "model.pt", weights_only=True)
    yield f"{name} weights", digest(*(weights[key].numpy() for key in sorted(weights)))
    yield from cells(folder / "history.csv", f"{name} history")


def cells(file: Path, name: str) -> Iterator[tuple[str, str]]:
    """Every cell of a CSV file that holds a number of the study, by row and column."""
    with file.open(encoding="utf-8", newline="") as text:
        for number, row in enumerate(csv.DictReader(text), start=1):
            for column, value in row.items():
                if column not in NO_NUMBERS:
                    yield f"{name} row {number} {column}", value


def digest(*arrays: np.ndarray) -> str:
    joined = hashlib.sha256()
    for array in arrays:
        joined.update(np.ascontiguousarray(array).tobytes())
    return joined.hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main())
