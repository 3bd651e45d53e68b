"""What training returns: a report of each epoch, and at the end the trained model with its predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from raysat.data.store import Split
from raysat.data.weights.used import WeightsUsed
from raysat.files.fields import Amount, Count, Number
from raysat.metrics.confusion import Metrics
from raysat.metrics.fitted_readout import FittedReadout

Probabilities = npt.NDArray[np.float32]  # (N, K)
Logits = npt.NDArray[np.float32]  # (N, K), of the posterior that a loss is trained for


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReport:
    """One epoch, as it ended."""

    epoch: Count  # 1-based
    epochs: Count
    loss: Number  # mean over the patches of the epoch's batches
    lr: Amount  # of the epoch's last step
    metrics: Metrics  # of the current weights on the validation split (the first of ``check.evaluation_splits``)
    seconds: Amount  # wall time of this epoch, training and evaluation
    samples_seen: Count  # in training so far, by all workers; a patch with two AugMix views counts three, a mixture one


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """A trained model and what it predicts on the reported split, in the store's order."""

    metrics: dict[str, Metrics]  # by split: val and test, where the store has them
    reported_split: Split
    labels: npt.NDArray[np.uint8]  # (N,)
    probabilities: Probabilities  # (N, K)
    indices: npt.NDArray[np.int64]  # (N,), positions in the store
    state_dict: dict[str, Tensor]  # on the CPU
    samples_seen: int
    parameters: int  # of the network
    history: tuple[EpochReport, ...]
    readout: FittedReadout | None = None  # what its scores are read with; None: as they are
    weights: WeightsUsed | None = None  # of satellite images, that it was started from
