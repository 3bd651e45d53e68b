"""Train epoch by epoch, and read out what a trained model predicts.

Plain PyTorch, no framework: the caller reports, saves or stops between epochs. Nothing is selected on held-out data;
the final numbers are those of the last epoch, or of the weight average. On the CPU equal specs give bit-identical
results, whether a trial is trained alone, from a checkpoint, or beside others that share its epochs.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raysat.config.families.learning import Average
from raysat.config.schema import Trial
from raysat.data.store import PatchStore, Split
from raysat.metrics.confusion import Metrics, from_predictions
from raysat.training.check import check
from raysat.training.check_synthetic import check_generated
from raysat.training.engine import Engine
from raysat.training.models import build as models

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReport:
    """One epoch, as it ended."""

    epoch: int  # 1-based
    epochs: int
    loss: float  # mean over the patches of the epoch's batches
    lr: float  # of the epoch's last step
    metrics: Metrics  # of the current weights on the watched split (``check.held_out``)
    seconds: float  # wall time of this epoch, training and evaluation
    images: int  # trained on so far, over all workers; a patch with two AugMix views counts three, a mixture one

    def plain(self) -> dict[str, Any]:
        """Return it as plain values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return values | {"metrics": self.metrics.model_dump()}


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


class Training:
    """A trial's training, epoch by epoch; other trials that share its epochs may be read out of it on the way.

    Where ``torch.distributed`` is initialised, its processes share each batch, and all of them must do the same.
    """

    def __init__(
        self,
        trial: Trial,
        store: PatchStore,
        *,
        generated: Sequence[PatchStore] = (),
        averages: Sequence[tuple[Average, int]] = (),
        device: torch.device | None = None,
    ) -> None:
        """Build the network at its start; see ``train`` for the arguments and errors, ``Engine`` for ``averages``."""
        check(trial.config, store)
        check_generated(trial.config, store, generated)
        device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._engine = Engine(trial, store, device, generated=generated, averages=averages)
        self._store = store
        self.watched = self._engine.held_out[0]
        self._predicted: dict[Split, Probabilities] = {}  # by the network as it is now
        self.history: list[EpochReport] = []

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self._engine.epochs_done

    @property
    def averages(self) -> set[str]:
        """Names of the averages that are kept up (``average_id``)."""
        return set(self._engine.averages)

    def forget(self, average: str) -> None:
        """Keep an average up no longer."""
        del self._engine.averages[average]

    def advance(self) -> EpochReport:
        """Train the next epoch. Raises DivergedError."""
        run, epoch, started = self._engine, self.epoch, time.perf_counter()
        self._predicted = {}
        loss = run.train_epoch(epoch)
        self._predicted = {self.watched: run.predict(run.network, self.watched)}
        report = EpochReport(
            epoch=epoch + 1,
            epochs=run.config.optim.epochs,
            loss=loss,
            lr=run.learning_rate((epoch + 1) * run.steps - 1),
            metrics=from_predictions(run.patches[self.watched].labels, self._predicted[self.watched]),
            seconds=time.perf_counter() - started,
            images=run.images,
        )
        self.history.append(report)
        return report

    def outcome(self, average: Average | None = None) -> Outcome:
        """Read out a trial that ends here, with its ``average`` (by default this trial's). Raises DivergedError."""
        run = self._engine
        network = run.read_out(average)
        predicted = self._predicted if network is run.network else {}
        for split in run.held_out:
            if split not in predicted:
                predicted[split] = run.predict(network, split)
        reported = self._store.reported_split
        return Outcome(
            metrics={s: from_predictions(run.patches[s].labels, predicted[s]) for s in run.held_out},
            reported=reported,
            labels=run.patches[reported].labels,
            probabilities=predicted[reported],
            indices=self._store.indices(reported),
            state_dict=models.cpu_state(network),
            images=run.images,
            parameters=models.parameter_count(network),
            history=tuple(self.history),
        )

    def state(self) -> dict[str, Any]:
        """Return all that another process needs to go on from here, for ``torch.save``: live tensors, plain values."""
        rows = [row.plain() for row in self.history]
        return {**self._engine.state(), "history": rows}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a ``state`` of this trial or of one that shares it. Raises KeyError where it lacks an average."""
        self._engine.restore(state)
        self._predicted = {}
        epochs = self._engine.config.optim.epochs
        self.history = [
            EpochReport(**row | {"epochs": epochs, "metrics": Metrics.model_validate(row["metrics"])})
            for row in state["history"]
        ]


def train(
    trial: Trial, store: PatchStore, *, generated: Sequence[PatchStore] = (), device: torch.device | None = None
) -> Generator[EpochReport, None, Outcome]:
    """Train a trial on a store; yields once an epoch and returns the outcome (``StopIteration.value``).

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
    training = Training(trial, store, generated=generated, device=device)
    while training.epoch < trial.config.optim.epochs:
        yield training.advance()
    return training.outcome()
