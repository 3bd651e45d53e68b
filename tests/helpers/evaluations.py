"""Made-up evaluations of made-up runs: predictions that are drawn, not those of models."""

from __future__ import annotations

import numpy as np

from raysat.storage.evaluations import (
    PREDICTIONS,
    VALIDATION,
    Corrupted,
    EvaluationRecord,
    Evaluations,
    OtherData,
    Subject,
    Temperature,
)
from raysat.storage.ledger import Ledger
from raysat.storage.predictions import Predictions, encode_predictions


def drawn(labels, wrong: float, classes: int, seed) -> np.ndarray:
    """Probabilities that are wrong about such a share of the patches, and unsure to a varying degree."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (len(labels), classes))
    told = np.where(rng.random(len(labels)) < wrong, rng.integers(0, classes, len(labels)), labels)
    logits[np.arange(len(labels)), told] += 3
    powers = np.exp(logits)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def keep(ledger: Ledger, trial: str, subject: Subject, predictions: Predictions | None = None, **files: bytes) -> None:
    record = EvaluationRecord(
        trial=trial,
        weights=ledger.weights_digest(trial),
        subject=subject,
        data="f",
        n=50,
        seconds=1.0,
        ended=1.75e9,
        versions={},
    )
    Evaluations(ledger.root).write(record, files)


def evaluate_made_up(
    ledger: Ledger,
    wrong: dict[str, float],
    *,
    corruptions=("noise", "haze"),
    severities=(1, 3, 5),
    calibrate: bool = True,
    elsewhere: bool = True,
    version: int = 1,
) -> None:
    """Write evaluations of every finished trial; ``wrong`` is by arm what a severity adds to its errors."""
    for arm in ledger.read_plan().arms:
        for place, entry in enumerate(arm.trials):
            if arm.name not in wrong or not ledger.has_record(entry.id):
                continue
            own = ledger.read_predictions(entry.id)
            classes = own.probabilities.shape[1]
            for number, name in enumerate(corruptions):
                for severity in severities:
                    found = drawn(own.labels, wrong[arm.name] * severity, classes, [number, severity, place])
                    content = {PREDICTIONS: encode_predictions(own.labels, found, own.indices)}
                    subject = Corrupted(corruption=name, severity=severity, version=version)
                    keep(ledger, entry.id, subject, **content)
            if calibrate:
                labels = np.repeat(np.arange(classes), 25)
                files = {
                    PREDICTIONS: encode_predictions(
                        own.labels, drawn(own.labels, 0.2, classes, [7, place]), own.indices
                    ),
                    VALIDATION: encode_predictions(
                        labels, drawn(labels, 0.2, classes, [8, place]), np.arange(len(labels))
                    ),
                }
                subject = Temperature(
                    temperature=1.5 + place / 10, halved=False, fitted_to=len(labels), nll_before=0.9, nll_after=0.8
                )
                keep(ledger, entry.id, subject, **files)
            if elsewhere:
                labels = np.repeat(np.arange(classes), 20)
                found = drawn(labels, 0.3, classes, [9, place])
                content = {PREDICTIONS: encode_predictions(labels, found, np.arange(len(labels)))}
                keep(ledger, entry.id, OtherData(store="another region", fingerprint="a" * 32, split="all"), **content)
