"""How long a large report takes, and how much memory: 200 arms x 5 seeds x 10,778 test patches, as droughtwatch has.

    python benchmarks/report.py

Writes a made-up run (records and predictions as training writes them, drawn at random), then runs ``raysat report`` on
it as a process of its own, all formats, and prints wall time and peak memory beside what they may be: 60 s and 2 GB.
The limit of any such report is to read the predictions once: that is timed alone, beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from itertools import islice, product
from pathlib import Path

import numpy as np

from raysat.config.schema import Config
from raysat.formatting import to_csv
from raysat.metrics.confusion import from_predictions
from raysat.storage.ledger import Ledger
from raysat.storage.plan_file import PlanFile
from raysat.storage.predictions import encode_predictions
from raysat.storage.records import Record

CLASSES = ("0 cows", "1 cow", "2 cows", "3 or more")
SHARES = (0.60, 0.16, 0.15, 0.09)
AXES = {  # 2 x 2 x 2 x 5 x 5 = 200 arms
    "loss": ({"kind": "cross_entropy"}, {"kind": "ldam"}),
    "reweight": ({"kind": "none"}, {"kind": "drw"}),
    "average": ({"kind": "none"}, {"kind": "swa"}),
    "sampler": tuple({"kind": k} for k in ("uniform", "inverse_frequency", "square_root", "effective_number", "drs")),
    "optim": tuple({"kind": "adam", "lr": lr} for lr in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)),
}
MOST_SECONDS, MOST_GIGABYTES = 60.0, 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--patches", type=int, default=10_778)
    parser.add_argument("--keep", type=Path, help="keep the run and its report in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="raysat-report-") as work:
        folder = arguments.keep or Path(work)
        arms = make_run(folder / "run", seeds=arguments.seeds, patches=arguments.patches)
        start = time.perf_counter()
        ledger = Ledger.open(folder / "run")
        for arm in ledger.read_plan().arms:
            for trial in arm.trials:
                ledger.read_predictions(trial.id)
        reading = time.perf_counter() - start
        start = time.perf_counter()
        command = [sys.executable, "-m", "raysat", "report", str(folder / "run"), "--out", str(folder / "report")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        seconds = time.perf_counter() - start
        gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        page = (folder / "report" / "report.html").stat().st_size / 2**20
    print(f"{arms} arms x {arguments.seeds} seeds x {arguments.patches:,} patches, one run")
    print(f"report     {seconds:6.1f} s      of {MOST_SECONDS:.0f} s")
    print(
        f"reading    {reading:6.1f} s      its predictions alone: the report takes {seconds / reading:.1f} times that"
    )
    print(f"memory     {gigabytes:6.2f} GB     of {MOST_GIGABYTES:.0f} GB, at its peak")
    print(f"page       {page:6.1f} MB")
    if seconds > MOST_SECONDS or gigabytes > MOST_GIGABYTES:
        sys.exit("too much")


def make_run(root: Path, *, seeds: int, patches: int, most: int | None = None) -> int:
    """Write a run whose arms, at most so many, differ in how often each class is found; returns their number."""
    rng = np.random.default_rng(0)
    labels = rng.choice(len(CLASSES), patches, p=SHARES)
    hard = rng.normal(size=patches)
    ledger, arms = Ledger(root), []
    for number, levels in enumerate(islice(product(*AXES.values()), most)):
        settings = dict(zip(AXES, levels, strict=True))
        name = ", ".join(f"{key}={level.get('lr', level['kind'])}" for key, level in settings.items())
        skill = 0.8 + 0.3 * (settings["loss"]["kind"] == "ldam") + 0.2 * (settings["average"]["kind"] == "swa")
        trials = []
        for seed in range(seeds):
            trial = f"{number:08x}{seed:08x}"
            trials.append({"seed": seed, "id": trial})
            noise = rng.normal(size=(patches, len(CLASSES)))
            noise[np.arange(patches), labels] += skill + rng.normal(0, 0.05) - 0.5 * hard
            exponents = np.exp(noise - noise.max(axis=1, keepdims=True))
            write_trial(ledger, trial, labels, exponents / exponents.sum(axis=1, keepdims=True), settings, seed)
        arms.append({"name": name, "grid": True, "trials": trials})
    plan = {
        "study": "two-hundred-arms",
        "data": {"name": "made-up", "fingerprint": "f" * 32, "ordinal": True},
        "classes": list(CLASSES),
        "reported": "val",
        "arms": arms,
    }
    ledger.write_plan("study: two-hundred-arms\n", PlanFile.model_validate(plan))
    return len(arms)


def write_trial(
    ledger: Ledger, trial: str, labels: np.ndarray, probabilities: np.ndarray, settings: dict, seed: int
) -> None:
    record = Record(
        id=trial,
        reported="val",
        metrics={"val": from_predictions(labels, probabilities)},
        classes=CLASSES,
        epochs=40,
        images=3_452_680,
        seconds=5000.0,
        started=0.0,
        ended=5000.0,
        parameters=11_178_564,
        versions={"raysat": "made up"},
        hardware={"device": "cpu"},
        data={"fingerprint": "f" * 32},
    )
    config = Config.model_validate(settings).model_dump(mode="json")
    rng = np.random.default_rng(seed)
    curve = [{"epoch": n, "loss": 2 / n, "balanced_accuracy": float(rng.uniform(0.5, 0.6))} for n in range(1, 41)]
    files = {
        "record.json": record.model_dump_json().encode(),
        "spec.json": json.dumps({"config": config, "seed": seed}).encode(),
        "history.csv": to_csv(curve).encode(),
        "predictions.npz": encode_predictions(labels, probabilities, np.arange(len(labels))),
        "model.pt": b"",
    }
    files["SHA256SUMS"] = "".join(f"{sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()
    folder = ledger.root / "trials" / trial  # unsynced, which a thousand trials would take minutes for
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
