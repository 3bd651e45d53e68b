"""Made-up runs: real ledgers whose predictions are drawn, not trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from raysat.ledger import Failure, Ledger, Record, encode_history, encode_predictions
from raysat.metrics import from_predictions

CLASSES = ("crop_grass", "built", "water", "forest")
SIZES = (30, 8, 7, 5)

MakeRun = Callable[..., Ledger]


def write_trial(
    ledger: Ledger,
    trial_id: str,
    recall: Sequence[float],
    *,
    seed: int,
    classes: Sequence[str] = CLASSES,
    **changes: Any,
) -> Record:
    """Finish a trial whose expected recall per class is given."""
    rng = np.random.default_rng([seed, *trial_id.encode()])
    labels = np.repeat(np.arange(len(classes)), [SIZES[k % len(SIZES)] for k in range(len(classes))])
    probabilities = rng.dirichlet(np.ones(len(classes)), size=len(labels)).astype(np.float32)
    hit = rng.random(len(labels)) < np.asarray(recall)[labels]
    probabilities[hit, labels[hit]] = 1.0
    probabilities[~hit, labels[~hit]] = 0.0
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    record = Record(
        **{
            "id": trial_id,
            "reported": "test",
            "metrics": {"test": from_predictions(labels, probabilities)},
            "classes": tuple(classes),
            "epochs": 6,
            "images": 888,
            "seconds": 12.5,
            "started": 1.75e9,
            "ended": 1.75e9 + 1.5,
            "parameters": 11_000_000,
            "versions": {"raysat": "0.1.0", "torch": "2.9.0"},
            "hardware": {"device": "cpu"},
            "data": {"fingerprint": "f" * 32, "path": "store"},
            **changes,
        }
    )
    files = {
        "record.json": record.model_dump_json().encode(),
        "predictions.npz": encode_predictions(labels, probabilities, np.arange(len(labels))),
        "history.csv": encode_history([{"epoch": 1, "loss": 1.25}]),
    }
    ledger.write(trial_id, files)
    return record


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Return a function that writes a run: ``arms`` maps a name to its recall per class, drawn anew for each seed."""

    def make(
        arms: Mapping[str, Sequence[float]],
        *,
        seeds: Sequence[int] = (0, 1, 2),
        failed: Mapping[tuple[str, int], str] = {},
        missing: Sequence[tuple[str, int]] = (),
        classes: Sequence[str] = CLASSES,
        study: str = "table2",
        reference: str | None = None,
    ) -> Ledger:
        ledger = Ledger(tmp_path / "runs" / study)
        ids = {(arm, seed): f"{position:08x}{seed:08x}" for position, arm in enumerate(arms) for seed in seeds}
        plan = {
            "study": study,
            "reference": reference,
            "data": {"name": "demo", "path": "store", "fingerprint": "f" * 32},
            "classes": list(classes),
            "reported": "test",
            "arms": [{"name": arm, "trials": [{"seed": seed, "id": ids[arm, seed]} for seed in seeds]} for arm in arms],
        }
        ledger.write_plan(f"study: {json.dumps(study)}\n", plan)
        for (arm, seed), trial_id in ids.items():
            if (arm, seed) in failed:
                ledger.write_failure(Failure(id=trial_id, error=failed[arm, seed], time=1.75e9))
            elif (arm, seed) not in missing:
                write_trial(ledger, trial_id, arms[arm], seed=seed, classes=classes)
        return ledger

    return make


@pytest.fixture
def table2() -> dict[str, tuple[float, ...]]:
    """Seven arms, with the recall per class that their trials are drawn from: made up."""
    return dict(TABLE2)


TABLE2 = {
    "(1)": (0.96, 0.55, 0.62, 0.40),
    "(2)": (0.94, 0.60, 0.60, 0.45),
    "(3)": (0.93, 0.66, 0.70, 0.50),
    "(4)": (0.88, 0.72, 0.74, 0.66),
    "(5)": (0.86, 0.78, 0.80, 0.75),
    "(6)": (0.80, 0.70, 0.70, 0.70),
    "(7)": (0.84, 0.80, 0.82, 0.80),
}
