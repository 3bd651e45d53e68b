"""Made-up trials: records whose predictions are drawn, not trained; and a grid of arms to draw them for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from raysat.config.schema import Config
from raysat.formatting import to_csv
from raysat.metrics.confusion import from_predictions
from raysat.metrics.synthetic import Measure, Quality
from raysat.reporting.analysis.analyze import Analysis
from raysat.reporting.analysis.generators import Generator
from raysat.storage.artifacts import GenerateRecord
from raysat.storage.ledger import Ledger
from raysat.storage.predictions import encode_predictions
from raysat.storage.records import Record

CLASSES = ("crop_grass", "built", "water", "forest")
SIZES = (30, 8, 7, 5)

GRID_CONFIGS = {  # a balanced grid of two losses and two averages
    f"loss={loss}, average={average}": {"loss": loss, "average": average}
    for loss in ("cross_entropy", "ldam")
    for average in ("none", "swa")
}
GRID = {
    arm: (0.9, 0.5 + 0.2 * ("ldam" in arm), 0.6 + 0.1 * ("swa" in arm), 0.4 + 0.3 * ("swa" in arm and "ldam" in arm))
    for arm in GRID_CONFIGS
}


def write_trial(
    ledger: Ledger,
    trial_id: str,
    recall: Sequence[float],
    *,
    seed: int,
    classes: Sequence[str] = CLASSES,
    sizes: Sequence[int] = SIZES,
    config: Mapping[str, Any] = {},
    history: Sequence[Mapping[str, float]] | None = None,
    **changes: Any,
) -> Record:
    """Finish a trial whose expected recall per class is given."""
    rng = np.random.default_rng([seed, *trial_id.encode()])
    labels = np.repeat(np.arange(len(classes)), [sizes[k % len(sizes)] for k in range(len(classes))])
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
    drawn = [{"epoch": e, "loss": 1.25 / e, "balanced_accuracy": float(rng.random())} for e in range(1, 4)]
    files = {
        "record.json": record.model_dump_json().encode(),
        "predictions.npz": encode_predictions(labels, probabilities, np.arange(len(labels))),
        "history.csv": to_csv(history or drawn).encode(),
        "spec.json": json.dumps({"config": config_of(**config), "seed": seed, "data": "f" * 32}).encode(),
        "model.pt": b"",
    }
    ledger.write(trial_id, files)
    return record


def config_of(**sections: Any) -> dict[str, Any]:
    """A whole configuration as a trial's spec.json has it; sections are given by kind or as a mapping."""
    given = {name: {"kind": value} if isinstance(value, str) else value for name, value in sections.items()}
    return Config.model_validate(given).model_dump(mode="json")


TABLE2 = {
    "(1)": (0.96, 0.55, 0.62, 0.40),
    "(2)": (0.94, 0.60, 0.60, 0.45),
    "(3)": (0.93, 0.66, 0.70, 0.50),
    "(4)": (0.88, 0.72, 0.74, 0.66),
    "(5)": (0.86, 0.78, 0.80, 0.75),
    "(6)": (0.80, 0.70, 0.70, 0.70),
    "(7)": (0.84, 0.80, 0.82, 0.80),
}


def with_generator(analysis: Analysis, picture: Path, *, class_name: str = "<forest>") -> Analysis:
    """The same findings with a generator, whose picture is written too."""
    picture.write_bytes(b"\x89PNG")
    record = GenerateRecord(
        id="a", class_name=class_name, label=0, bands=("B2",), real=10, patches=20, steps=5, images=50,
        generator_loss=1.0, discriminator_loss=1.0, collapsed=True, note="few & blurred",
        quality=Quality(
            kid=Measure(generated=0.5, held_out=-0.1), index="NDMI", diversity=Measure(generated=-0.0001),
            wasserstein=(Measure(generated=0.1), Measure(generated=0.3)),
        ),
        parameters=3, seconds=2.0, started=0.0, versions={}, hardware={}, data={},
    )  # fmt: skip
    return replace(analysis, generators=(*analysis.generators, Generator(record=record, samples=picture)))
