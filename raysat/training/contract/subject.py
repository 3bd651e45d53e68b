"""What the contract tests try a method on: a configuration that has it, and tiny patches of three classes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from raysat.config.class_weights import class_weights
from raysat.config.families.base import Spec
from raysat.config.families.reweight import InverseFrequency
from raysat.config.heads import head_of, outputs
from raysat.config.schema import Config, Trial
from raysat.data.store import PatchStore, Split, StoreWriter
from raysat.training import losses
from raysat.training.batch import step_inputs
from raysat.training.class_constants import class_constants
from raysat.training.contract.findings import BrokenError
from raysat.training.engine import Engine
from raysat.training.graphs import GraphedSteps
from raysat.training.patches import MappedPatches, ResidentPatches, Scale
from raysat.training.sampling import Batch, TrainSplit
from raysat.training.seeding import generator
from raysat.training.step import TrainStep

CPU: Final = torch.device("cpu")
CLASSES: Final = 3
# A class that val has no patch of.
COUNTS: Final[Mapping[Split, tuple[int, ...]]] = {"train": (9, 6, 3), "val": (3, 2, 0), "test": (3, 2, 2)}
SIDE: Final = 16  # pixels
_BATCH: Final = 8
_NETWORK: Final = "test_resnet"  # timm's smallest with batch norm


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A method, and what it is tried on."""

    section: str
    settings: Spec
    store: PatchStore

    @property
    def config(self) -> Config:
        """A configuration with the method, of a tiny network unless it is one, that trains two epochs."""
        base = {"model": {"name": _NETWORK}, "optim": {"kind": "adam", "batch_size": _BATCH, "epochs": 2}}
        return Config.model_validate(base | {self.section: self.settings})

    @property
    def counts(self) -> Any:
        """Training patches of each class."""
        return self.store.counts("train")

    @property
    def scores(self) -> int:
        """How many scores of a patch a network gives."""
        return outputs(head_of(self.config.loss), CLASSES)

    def patch_losses(self, logits_BK: Tensor, labels_B: Tensor, counts_K: Any = None) -> Tensor:
        """The loss of each patch, where the method is a loss.

        Args:
            logits_BK: scores.
            labels_B: int64.
            counts_K: training patches of each class; by default the store's.

        Returns:
            The losses (B,).
        """
        config, counts = self.config, self.counts if counts_K is None else counts_K
        constants_RK = torch.from_numpy(class_constants(config.loss, counts)).float().to(logits_BK.device)
        return losses.patch_losses(
            config, logits_BK, labels_B, constants_RK, torch.ones(len(counts), device=logits_BK.device)
        )

    def share(self, rank: int, world: int) -> list[Tensor]:
        """One worker's part of a step of a linear network: the loss, then the gradient of each parameter.

        Args:
            rank: of the worker.
            world: the number of workers.

        Returns:
            Their mean over the workers is what one worker alone has.
        """
        store, config = self.store, self.config
        bands = list(range(len(store.bands)))
        scale, counts = Scale.of(store, bands, CPU), self.counts
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(len(bands) * SIDE * SIDE, self.scores))
        weights_K = class_weights(InverseFrequency(), counts, epoch=0, epochs=1)
        constants_RK = torch.from_numpy(class_constants(config.loss, counts)).float()
        step = TrainStep(
            config,
            network,
            torch.optim.SGD(network.parameters(), lr=0.1),
            parallel=network,
            scale=scale,
            constants_RK=constants_RK,
        )
        step.weights_K.copy_(torch.from_numpy(weights_K))
        train = store.indices("train")
        positions_B = np.arange(0, len(train), 2)[:7]  # an odd number: shares differ
        split = TrainSplit(store.labels[train], counts, bands=len(bands))
        own = step_inputs(
            config.augment,
            Batch(positions=positions_B, labels=split.labels[positions_B], size=(SIDE, SIDE)),
            generator(0, "contract"),
            split=split,
            weights_K=weights_K,
            lr=0.1,
            momenta=[],
            rank=rank,
            world=world,
        )
        pixels_nCHW = store.images[train[own.view.positions_n.numpy()]].astype(np.float32)
        loss = step.loss(step.views(torch.from_numpy(pixels_nCHW), own.view), own.update)
        return [loss.detach(), *torch.autograd.grad(loss, list(network.parameters()))]

    def resident_engine(self) -> Engine:
        """What trains the configuration with its patches and the inputs of its steps in buffers, as on a GPU."""
        engine = Engine(Trial(config=self.config, seed=3), self.store, CPU)
        mapped = MappedPatches([self.store], "train", self.store.bands, CPU)
        engine.patches["train"] = ResidentPatches(mapped, CPU)
        engine._graphs = GraphedSteps(CPU, eager=True)
        return engine


def tiny_store(folder: Path) -> PatchStore:
    """Make the patches in a folder."""
    rng = np.random.default_rng(0)
    names = [f"class {label}" for label in range(CLASSES)]
    with StoreWriter(folder / "store", bands=("B6", "B5", "B2"), classes=names, sensor=None, source={}) as writer:
        for split, counts in COUNTS.items():
            for label, count in enumerate(counts):
                for _ in range(count):
                    pixels = rng.normal(110 + 15 * label, 30, (3, SIDE, SIDE))
                    writer.add(np.clip(pixels, 0, 255).astype(np.uint8), label, split)
        return writer.close()


@contextmanager
def other_global_numbers(seed: int) -> Iterator[None]:
    """Seed the generators that everybody shares, which no method may draw from, otherwise than before."""
    before, torchs, numpys = random.getstate(), torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before)
        torch.set_rng_state(torchs)
        np.random.set_state(numpys)  # noqa: NPY002


def expect(holds: bool, fault: str) -> None:
    """Raise BrokenError unless something holds."""
    if not holds:
        raise BrokenError(fault)
