"""TorchGeo's ClassificationTask under Lightning's Trainer: one process, one trial after the other.

python -m peering.torchgeo_lightning SPACE STORE RESULTS
"""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, WeightAveraging
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchgeo.trainers import ClassificationTask

from peering import plain
from peering.results import Trained, write
from peering.study import Order, Task, ema_step, tasks
from raysat.config.families.learning import Ema, NoAverage
from raysat.data.store import PatchStore


class Samples(Dataset[dict[str, Any]]):
    """Patches as TorchGeo has them."""

    def __init__(self, patches: Any) -> None:
        self._patches = patches

    def __len__(self) -> int:
        return len(self._patches)

    def __getitem__(self, position: int) -> dict[str, Any]:
        image, label = self._patches[position]
        return {"image": image, "label": label}


class Criterion(torch.nn.Module):
    """A loss as the module that TorchGeo wants."""

    def __init__(self, loss: plain.Criterion) -> None:
        super().__init__()
        self._loss = loss

    def forward(self, logits_BK: Tensor, labels_B: Tensor) -> Tensor:
        """Return the mean over a batch."""
        return self._loss(logits_BK, labels_B)


class Classification(ClassificationTask):  # type: ignore[misc]
    """The trial's network, loss and optimiser in TorchGeo's task."""

    def __init__(self, trial: Task) -> None:
        super().__init__(
            model=trial.config.model.name,
            in_channels=11,
            num_classes=len(trial.store.classes),
            lr=trial.config.optim.lr,
        )
        self._trial = trial  # Lightning keeps arguments by name, and TorchGeo has a "task" of its own
        self.model = trial.network()

    def configure_optimizers(self) -> Any:
        """Adam at one rate, in place of TorchGeo's schedule by the loss on val."""
        return self._trial.optimizer(self.model)

    def on_train_epoch_start(self) -> None:
        """Weights of classes change by epoch."""
        self.criterion = Criterion(self._trial.criterion(self.current_epoch))


class Curve(Callback):  # type: ignore[misc]
    """The mean loss of each epoch."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self._total, self._seen = torch.zeros(()), 0

    def on_train_batch_end(self, *given: Any) -> None:
        """Add a batch."""
        outputs, batch = given[2:4]  # after the trainer and the module
        self._total += outputs["loss"].detach() * len(batch["label"])
        self._seen += len(batch["label"])

    def on_train_epoch_end(self, *_: Any) -> None:
        """Close the epoch."""
        self.losses.append(float(self._total / self._seen))
        self._total, self._seen = torch.zeros(()), 0


class Averaging(WeightAveraging):  # type: ignore[misc]
    """The trial's average of weights; Lightning averages batch norm's statistics along."""

    def __init__(self, task: Task) -> None:
        average = task.config.average
        super().__init__(**({"multi_avg_fn": ema_step(average.decay)} if isinstance(average, Ema) else {}))
        self._task = task

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Whether this step, or the end of this epoch, moves it."""
        if step_idx is not None:
            return self._task.averages_steps
        return epoch_idx is not None and self._task.averages_epoch(epoch_idx)


def train(task: Task, patches: dict[Any, Dataset[Any]]) -> Trained:
    """Train a trial, look at val after each epoch, and test it at the end."""
    order, curve = Order(task), Curve()
    averaging = [] if isinstance(task.config.average, NoAverage) else [Averaging(task)]
    module = Classification(task)
    trainer = lightning.Trainer(
        max_epochs=task.config.optim.epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[curve, *averaging],
    )
    val = DataLoader(Samples(patches["val"]), batch_size=256)
    trainer.fit(
        module, DataLoader(Samples(patches["train"]), batch_size=task.config.optim.batch_size, sampler=order), val
    )
    score = plain.evaluate(module.model, patches["test"])
    return Trained(arm=task.arm, seed=task.seed, losses=curve.losses, balanced_accuracy=score)


def main() -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    space, store_path, results = map(Path, sys.argv[1:])
    store = PatchStore.open(store_path)
    patches = plain.splits(store)
    write(results, [train(task, patches) for task in tasks(space, store)])


if __name__ == "__main__":
    main()
