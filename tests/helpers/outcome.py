"""What a run came to, as digests that are equal where two runs came to the same, bit for bit.

``python -m tests.helpers.outcome RUN`` prints them where the run can be read: on another host, say.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Iterator
from typing import Final

import pandas as pd
import torch

from raysat.files import AnyPath, as_path, read_bytes
from raysat.storage.ledger import Ledger
from raysat.storage.sealed import SealedFolder

BOARDS: Final = ("leaderboard.csv", "leaderboard.json", "leaderboard.md")
_MAX_BYTES: Final = 1 << 30


def outcome(run: AnyPath) -> dict[str, str]:
    """Digests of each trial's metrics, learning curve without its seconds, predictions and weights; and leaderboards.

    Raises AssertionError where a trial of the run is not finished.
    """
    ledger = Ledger.open(run)
    found = {name: read_bytes(run / name, max_bytes=_MAX_BYTES) for name in BOARDS}
    for trial in ledger.read_plan().trial_ids:
        assert ledger.is_finished(trial), ledger.read_failure(trial)
        found |= {f"{trial} {part}": content for part, content in _parts(ledger, trial)}
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


def _parts(ledger: Ledger, trial: str) -> Iterator[tuple[str, bytes]]:
    files = SealedFolder(ledger.root / "trials" / trial)
    curve = pd.read_csv(io.BytesIO(files.read("history.csv", max_bytes=_MAX_BYTES))).drop(columns="seconds")
    weights = torch.load(io.BytesIO(files.read("model.pt", max_bytes=_MAX_BYTES)), weights_only=True)
    metrics = {split: of.model_dump(mode="json") for split, of in ledger.read(trial).metrics.items()}
    yield "metrics", json.dumps(metrics).encode()
    yield "curve", curve.to_csv().encode()
    yield "predictions", files.read("predictions.npz", max_bytes=_MAX_BYTES)
    for name, value in weights.items():
        yield f"weights {name}", value.numpy().tobytes()


if __name__ == "__main__":
    print(json.dumps(outcome(as_path(sys.argv[1]))))  # noqa: T201
