"""What a run came to, in a form that is equal where two runs came to the same, bit for bit."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from raysat.storage.ledger import Ledger


def outcome(run: Path) -> dict[str, Any]:
    """Metrics, learning curves without their seconds, predictions and weights of each finished trial; the leaderboard.

    Raises AssertionError where a trial of the run is not finished.
    """
    ledger = Ledger.open(run)
    found: dict[str, Any] = {file.name: file.read_bytes() for file in sorted(run.glob("leaderboard.*"))}
    for trial in ledger.read_plan().trial_ids:
        assert ledger.is_finished(trial), ledger.read_failure(trial)
        folder = run / "trials" / trial
        weights = torch.load(io.BytesIO((folder / "model.pt").read_bytes()), weights_only=True)
        found[trial] = {
            "metrics": ledger.read(trial).metrics,
            "curve": pd.read_csv(folder / "history.csv").drop(columns="seconds").to_csv(),
            "predictions": (folder / "predictions.npz").read_bytes(),
            "weights": {name: value.numpy().tobytes() for name, value in weights.items()},
        }
    return found


def assert_equal(run: Path, other: Path) -> None:
    """Fail with the names of what differs between two runs, not with their bytes."""
    one, two = outcome(run), outcome(other)
    assert one.keys() == two.keys()
    different = [
        f"{name} {part}" if isinstance(of, dict) else name
        for name, of in one.items()
        for part in (of if isinstance(of, dict) else [""])
        if (of[part] != two[name][part] if isinstance(of, dict) else of != two[name])
    ]
    assert not different
