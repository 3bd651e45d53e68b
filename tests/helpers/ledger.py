"""A made-up record and the files of its trial, for tests of the ledger."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from raysat.config.schema import Config
from raysat.metrics.confusion import from_confusion, from_predictions
from raysat.storage.ledger import Ledger
from raysat.storage.plan_file import PlanFile
from raysat.storage.predictions import encode_predictions
from raysat.storage.records import Record, TrialSpec
from raysat.storage.sealed import SUMS, write_sealed

ID = "0123456789abcdef"


def made_up_record(trial_id: str = ID, **changes) -> Record:
    metrics = from_confusion(np.array([[8, 2], [1, 4]]))
    values = {
        "id": trial_id,
        "reported": "test",
        "metrics": {"test": metrics, "val": metrics},
        "classes": ("a", "b"),
        "epochs": 3,
        "images": 300,
        "seconds": 1.5,
        "started": 1.75e9,
        "ended": 1.75e9 + 1.5,
        "parameters": 42,
        "versions": {"raysat": "0.1.0"},
        "hardware": {"device": "cpu", "cores": 2},
        "data": {"fingerprint": "f", "path": "store"},
    }
    return Record(**(values | changes))


def files_of(record: Record) -> dict[str, bytes]:
    return {
        "spec.json": b"{}",
        "record.json": record.model_dump_json().encode(),
        "history.csv": b"epoch\n1\n",
        "predictions.npz": b"arrays",
        "model.pt": b"weights",
    }


def whole_files(trial: str) -> dict[str, bytes]:
    """The files of a trial that ``ledger verify`` has nothing to say of: its metrics are those of its predictions."""
    labels, indices = np.array([0, 1, 1, 0]), np.arange(4)
    scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]], dtype=np.float32)
    record = made_up_record(trial, metrics={"test": from_predictions(labels, scores)})
    history = b"epoch,loss,balanced_accuracy\n1,1.5,0.5\n2,1.25,0.75\n"
    spec = TrialSpec(config=Config(), seed=0, data="f").model_dump_json().encode()
    predictions = encode_predictions(labels, scores, indices)
    return files_of(record) | {"spec.json": spec, "history.csv": history, "predictions.npz": predictions}


def reseal(ledger: Ledger, trial: str, changes: Mapping[str, bytes]) -> None:
    """Change files of a trial and write checksums that fit, as what made the record may have been wrong."""
    folder = ledger.root / "trials" / trial
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != SUMS}
    write_sealed(folder, files | changes, replace=True)


def edit_plan(ledger: Ledger, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a plan on disk, as another raysat or a fault might have left it."""
    file = ledger.root / "plan.json"
    plan = json.loads(file.read_text(encoding="utf-8"))
    change(plan)
    file.write_text(json.dumps(plan), encoding="utf-8")


def made_up_plan(**changes: Any) -> PlanFile:
    values = {"study": "s", "data": {"name": "demo"}, "classes": ("a", "b"), "reported": "test", "arms": ()}
    return PlanFile.model_validate(values | changes)


def everything_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def files_on_disk(trial_id: str = ID) -> list[str]:
    return [trial_id, *(f"{trial_id}/{name}" for name in sorted([*files_of(made_up_record()), SUMS]))]
