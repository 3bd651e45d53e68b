"""Train one trial: a generator that yields after each epoch and returns what the trained model predicts.

Plain PyTorch, no framework: the caller reports, saves or stops between epochs. Nothing is selected on held-out data;
the final numbers are those of the last epoch, or of the weight average. On the CPU equal specs give bit-identical
results.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.data.store import PatchStore, Split
from raysat.metrics import Metrics, from_predictions
from raysat.spec import Trial
from raysat.training import models
from raysat.training.check import check
from raysat.training.engine import Engine
from raysat.training.generated import check_generated

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReport:
    """One epoch, as it ended."""

    epoch: int  # 1-based
    epochs: int
    loss: float  # mean over the patches of the epoch's batches
    lr: float  # where the schedule stands at the end of the epoch
    metrics: Metrics  # of the current weights on the watched split: val, or test where a store has no val patches
    seconds: float  # wall time of this epoch, training and evaluation
    images: int  # trained on so far, over all workers; a patch with two AugMix views counts three, a mixture one


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A trained model and what it predicts on the reported split, in the store's order."""

    metrics: dict[str, Metrics]  # by split: val and test, where the store has them
    reported: str
    labels: npt.NDArray[np.uint8]  # (N,)
    probabilities: Probabilities  # (N, K)
    indices: npt.NDArray[np.int64]  # (N,), positions in the store
    state_dict: dict[str, Tensor]  # on the CPU
    images: int
    parameters: int
    history: tuple[EpochReport, ...]


def train(
    trial: Trial, store: PatchStore, *, generated: Sequence[PatchStore] = (), device: torch.device | None = None
) -> Generator[EpochReport, None, Outcome]:
    """Train a trial on a store; yields once an epoch and returns the outcome (``StopIteration.value``).

    Where ``torch.distributed`` is initialised, its processes share each batch, and all of them must run this.

    Args:
        trial: what to train.
        store: the patches.
        generated: stores of patches made by a model, which join the train split alone: what ``synthetic`` asks for.
        device: where; by default the current CUDA device, else the CPU.

    Raises:
        BandError, PlanError: the trial cannot run on this store (see ``check``) or with these generated patches (see
            ``check_generated``), or its model not on these patches.
        TrainingError: pretrained weights that cannot be had.
        DivergedError: the loss, or the scores of an epoch's model, became NaN or infinite.
    """
    check(trial.config, store)
    check_generated(trial.config, store, generated)
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run, epochs = Engine(trial, store, device, generated=generated), trial.config.optim.epochs
    watched = run.held_out[0]
    history: list[EpochReport] = []
    predicted: dict[Split, Probabilities] = {}
    for epoch in range(epochs):
        started = time.perf_counter()
        loss = run.train_epoch(epoch)
        predicted = {watched: run.predict(run.network, watched)}
        report = EpochReport(
            epoch=epoch + 1,
            epochs=epochs,
            loss=loss,
            lr=run.learning_rate((epoch + 1) * run.steps),
            metrics=from_predictions(run.patches[watched].labels, predicted[watched]),
            seconds=time.perf_counter() - started,
            images=run.images,
        )
        history.append(report)
        yield report
    network = run.read_out()
    if network is not run.network:
        predicted = {}
    for split in run.held_out:
        if split not in predicted:
            predicted[split] = run.predict(network, split)
    reported = store.reported_split
    return Outcome(
        metrics={s: from_predictions(run.patches[s].labels, p) for s, p in predicted.items()},
        reported=reported,
        labels=run.patches[reported].labels,
        probabilities=predicted[reported],
        indices=store.indices(reported),
        state_dict=models.cpu_state(network),
        images=run.images,
        parameters=models.parameter_count(network),
        history=tuple(history),
    )
