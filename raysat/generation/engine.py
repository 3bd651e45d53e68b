"""What all generators have in common: the real patches of a class, and the way back to a store's type."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from raysat.config.schema import Generation
from raysat.data.store import PatchStore
from raysat.errors import DivergedError
from raysat.training.augment import dihedral
from raysat.training.averaging import WeightAverage
from raysat.training.patches import open_patches

MEASURED: Final = 1000  # real patches at most that a class's statistics are read from

Images = npt.NDArray[Any]  # (N, C, H, W) in the store's type
Losses = tuple[float, float | None]  # of the generator, and of the discriminator where there is one


class Engine(ABC):
    """A generator in training; ``samples_seen`` counts the real patches shown so far."""

    average: WeightAverage  # whose network makes the patches

    def __init__(self, work: Generation, store: PatchStore, device: torch.device) -> None:
        """Find the real patches.

        Args:
            work: the class, its bands, and the generator's settings.
            store: the real patches.
            device: where to train.
        """
        bands = [store.bands.index(band) for band in work.bands]
        self.device, self.dtype = device, store.images.dtype
        self._class_name, self._settings = store.classes[work.label], work.generator
        self._size, self._bands = (int(store.images.shape[2]), int(store.images.shape[3])), len(bands)
        self._train = open_patches(store, ("train",), bands, device)["train"]
        self._positions = np.flatnonzero(self._train.labels == work.label)
        self.samples_seen = self.steps = 0

    @property
    @abstractmethod
    def network(self) -> nn.Module:
        """What is trained, and averaged, to make patches."""

    @abstractmethod
    def train(self, steps: int, chunk: int) -> Losses:
        """Take some steps, with the random numbers of a chunk; returns mean losses, which may not be finite."""

    @abstractmethod
    def make(self, count: int) -> Images:
        """Make patches (N, C, H, W) in the store's type; the first of them are those of a smaller count.

        Raises:
            DivergedError: they are not numbers.
        """

    def diverged(self, what: str) -> DivergedError:
        """The error that something is not finite."""
        return DivergedError(
            f"the generator of class {self._class_name!r} has {what} that is not finite by step {self.steps} of "
            f"{self._settings.steps}, at learning rate {self._settings.lr:g}",
            hint="lower synthetic.lr",
        )

    def real_samples(self, count: int) -> Images:
        """Return up to ``count`` real train patches of the class, evenly spaced in the store."""
        some = np.linspace(0, len(self._positions) - 1, min(count, len(self._positions))).round().astype(np.int64)
        taken: Images = self._train.take(self._positions[some]).cpu().numpy().astype(self.dtype)
        return taken

    def _draw_real(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Patches of the class (B, C, H, W) in the store's units, and for each the symmetry (B,) to see it in.

        Any symmetry of a real patch is as real: nadir imagery has no up (but for its shadows).
        """
        positions = self._positions[rng.integers(len(self._positions), size=count)]
        drawn_B = dihedral.draw(count, rng, square=self._size[0] == self._size[1])
        return self._train.take(positions), torch.from_numpy(drawn_B).to(self.device, non_blocking=True)

    def _to_store(self, pixels: npt.NDArray[np.float32]) -> Images:
        """Patches in the store's units as its type, rounded and kept in its range where that holds whole numbers."""
        if not np.isfinite(pixels).all():
            raise self.diverged("a patch")
        if self.dtype.kind == "f":
            return pixels.astype(self.dtype)
        bounds = np.iinfo(self.dtype)
        rounded: Images = pixels.round().clip(bounds.min, bounds.max).astype(self.dtype)
        return rounded
