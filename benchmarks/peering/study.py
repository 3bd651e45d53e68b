"""What every peer trains: six arms, their first weights, batches and losses, as a plain PyTorch loop takes them.

All of these are raysat's own, so that peers differ in how they train, not in what. Three arms share epochs in raysat:
SWA and EMA are read out of the plain arm, deferred reweighting leaves it at its switch. Peers train every arm from its
start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import Dataset, Sampler

from raysat.config.class_weights import class_weights
from raysat.config.families.learning import Ema, NoAverage
from raysat.config.milestones import snapshot_epochs
from raysat.config.schema import Config
from raysat.data.store import PatchStore, Split
from raysat.planning.build import make_plan
from raysat.study.load import load_study
from raysat.training import sampling
from raysat.training.class_constants import class_constants
from raysat.training.models import build as models
from raysat.training.seeding import generator, reproducible

ARMS: Final = {
    "plain": "{}",
    "SWA": "{average: {kind: swa, start: 0.4}}",
    "EMA": "{average: {kind: ema, decay: 0.99}}",
    "DRW": "{reweight: {kind: drw}}",
    "balanced softmax": "{loss: {kind: balanced_softmax}}",
    "inverse frequency": "{sampler: {kind: inverse_frequency}}",
    "AugMix": "{augment: {kind: augmix}}",
}
SIX: Final = tuple(ARMS)[:6]
_CPU: Final = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the study is."""

    arms: tuple[str, ...] = SIX
    model: str = "resnet18"
    patches: int = 420  # of the train split
    epochs: int = 5
    seeds: int = 2
    batch: int = 32

    @property
    def images(self) -> int:
        """Patches that pass through networks in training where nothing is shared."""
        return len(self.arms) * self.seeds * self.epochs * self.patches

    def space(self) -> str:
        """The study file."""
        arms = "".join(f"  {name}: {ARMS[name]}\n" for name in self.arms)
        return (
            f"study: peers\nseeds: {self.seeds}\nbase:\n  model: {{name: {self.model}}}\n"
            f"  optim: {{kind: adam, lr: 1.0e-3, epochs: {self.epochs}, batch_size: {self.batch}}}\narms:\n{arms}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One trial, for a peer's own loop."""

    arm: str
    seed: int
    config: Config
    store: PatchStore

    def network(self) -> nn.Module:
        """Raysat's network at its start."""
        with reproducible(_CPU, self.seed, "weights"):
            return models.build(self.config.model, bands=11, classes=len(self.store.classes), size=(65, 65))

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Adam, as torch's documentation has it."""
        return torch.optim.Adam(network.parameters(), lr=self.config.optim.lr)

    def criterion(self, epoch: int) -> Callable[[Tensor, Tensor], Tensor]:
        """The loss of logits (B, K) and labels (B,) in an epoch."""
        counts = self.store.counts("train")
        weights = class_weights(self.config.reweight, counts, epoch=epoch, epochs=self.config.optim.epochs)
        weights_K = torch.from_numpy(weights).float()
        # Of the losses compared, what is added to scores: nothing, or one number a class.
        offsets_K = torch.from_numpy(class_constants(self.config.loss, counts)).float().sum(dim=0)
        return lambda logits_BK, labels_B: F.cross_entropy(logits_BK + offsets_K, labels_B, weight=weights_K)

    def averaged(self, network: nn.Module) -> AveragedModel | None:
        """The average that the arm is judged by, if it has one."""
        average = self.config.average
        if isinstance(average, NoAverage):
            return None
        if isinstance(average, Ema):
            return AveragedModel(network, multi_avg_fn=ema_step(average.decay))
        return AveragedModel(network)

    @property
    def averages_steps(self) -> bool:
        """Whether the average moves at each step, not at the end of epochs."""
        return isinstance(self.config.average, Ema)

    def averages_epoch(self, epoch: int) -> bool:
        """Whether the average moves at the end of an epoch, counted from 0."""
        average = self.config.average
        swa = not isinstance(average, (NoAverage, Ema))
        return swa and epoch + 1 in snapshot_epochs(average, self.config.optim.epochs)


def ema_step(decay: float) -> Callable[[list[Tensor], list[Tensor], Tensor | int], None]:
    """Raysat's exponential average, whose decay rises to its own (``training/averaging.py``)."""

    def step(averaged: list[Tensor], current: list[Tensor], updates: Tensor | int) -> None:
        momentum = 1 - min(decay, (1 + int(updates)) / (10 + int(updates)))
        for own, new in zip(averaged, current, strict=True):
            own.lerp_(new, momentum) if own.is_floating_point() else own.copy_(new)

    return step


class Order(Sampler[int]):
    """The patches of an epoch in raysat's order."""

    def __init__(self, task: Task) -> None:
        self._task, self.epoch = task, 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch is next; Lightning calls this by itself."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        task, store = self._task, self._task.store
        order = sampling.epoch_order(
            task.config.sampler,
            store.labels[store.indices("train")],
            store.counts("train"),
            generator(task.seed, "order", self.epoch),
            epoch=self.epoch,
            epochs=task.config.optim.epochs,
        )
        return iter(order.tolist())

    def __len__(self) -> int:
        return len(self._task.store.indices("train"))


class Patches(Dataset[tuple[Tensor, int]]):
    """A split's patches, one by one, normalised per band."""

    def __init__(self, store: PatchStore, split: Split) -> None:
        self._images, self._indices = store.images, store.indices(split)
        self.labels = store.labels[self._indices]
        self._mean = np.array([band.mean for band in store.stats], np.float32)[:, None, None]
        self._std = np.array([band.std for band in store.stats], np.float32)[:, None, None]

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        return self.normalise(self._images[self._indices[position]]), int(self.labels[position])

    def normalise(self, patch_CHW: npt.NDArray[np.uint8]) -> Tensor:
        """Zero mean and unit deviation per band."""
        return torch.from_numpy((patch_CHW.astype(np.float32) - self._mean) / self._std)


def tasks(space: Path, store: PatchStore) -> list[Task]:
    """Every trial of a study, in the order of raysat's plan."""
    plan = make_plan(load_study(space), store)
    named = {trial: (arm, seed) for arm, seeds in plan.trial_ids.items() for seed, trial in seeds.items()}
    return [
        Task(arm=named[job.id][0], seed=named[job.id][1], config=job.trial.config, store=store) for job in plan.trials
    ]
