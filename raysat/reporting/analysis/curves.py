"""Learning curves: what every trial recorded after each epoch, an arm over its seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raysat.errors import StorageError
from raysat.files import map_at_once
from raysat.reporting.analysis.model import Arm

_COLUMNS = ("epoch", "balanced_accuracy", "loss")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """An arm's learning curves, a row per seed; (S, E)."""

    epochs: npt.NDArray[np.int64]  # (E,), 1-based
    balanced_accuracy: Floats  # on the reported split
    loss: Floats  # in training


def read_curve(arm: Arm) -> Curve | None:
    """Curves of all seeds up to the last epoch that all of them have; None where one is missing or damaged."""
    try:
        place = arm.sources[0].ledger.root
        histories = map_at_once(place, lambda source: source.ledger.read_history(source.trial), arm.sources)
    except StorageError:
        return None
    if not all(math.isfinite(row.get("epoch", math.nan)) for rows in histories for row in rows):
        return None
    length = min(len(rows) for rows in histories)
    if not length or not all(name in row for rows in histories for row in rows[:length] for name in _COLUMNS):
        return None
    epoch, balanced_accuracy, loss = (
        np.array([[row[name] for row in rows[:length]] for rows in histories]) for name in _COLUMNS
    )
    return Curve(epochs=epoch[0].astype(np.int64), balanced_accuracy=balanced_accuracy, loss=loss)
