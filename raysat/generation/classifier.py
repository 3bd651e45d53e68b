"""A small convolutional classifier of real patches: its features tell how alike two sets of patches are.

Four strided 3 x 3 convolutions with batch norm and ReLU, the mean over the patch, a linear layer: some 0.1 million
weights, which a fixed number of steps trains in seconds however large the store. Patches wider than 64 to 127 pixels
are averaged down to that first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from raysat.data.store import PatchStore
from raysat.training.augment import dihedral
from raysat.training.device import EVALUATION_BATCH, channels_last, full_precision
from raysat.training.patches import Scale
from raysat.training.seeding import generator, reproducible

Images = npt.NDArray[Any]  # (N, C, H, W) in a store's type and units
Labels = npt.NDArray[np.int64]

_CHANNELS: Final = (16, 32, 64, 128)
_SIDE: Final = 64  # pixels of the shorter side that are enough
_STEPS: Final = 300
_BATCH: Final = 32
_LR: Final = 3e-3  # of Adam, falling to 0 along a line


class PatchNet(nn.Module):
    """Classifies patches (B, C, H, W) normalised per band; ``features`` are (B, 128)."""

    def __init__(self, *, bands: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((bands, *_CHANNELS[:-1]), _CHANNELS, strict=True):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(_CHANNELS[-1], classes)

    def features(self, patches_BCHW: Tensor) -> Tensor:
        """Return what the last layer sees, (B, 128)."""
        shrink = min(patches_BCHW.shape[2:]) // _SIDE
        if shrink > 1:
            patches_BCHW = F.avg_pool2d(patches_BCHW, shrink)
        return torch.mean(self.body(patches_BCHW), dim=(2, 3))

    def forward(self, patches_BCHW: Tensor) -> Tensor:
        """Return logits (B, K)."""
        logits: Tensor = self.head(self.features(patches_BCHW))
        return logits


class Classifier:
    """A trained ``PatchNet`` with the normalisation of its store."""

    def __init__(self, store: PatchStore, bands: Sequence[int], *, device: torch.device, seed: int = 0) -> None:
        """Build the network at its start.

        Args:
            store: the real patches; their statistics normalise all others.
            bands: positions of the bands in the store.
            device: where to train.
            seed: of the initial weights and the batches.
        """
        self.device, self._seed = device, seed
        self._scale = Scale.of(store, bands, device)
        with reproducible(device, seed, "quality", "weights"):
            network = PatchNet(bands=len(bands), classes=len(store.classes))
        self._network = network.to(device).to(memory_format=torch.channels_last)

    def train(self, images: Images, labels: Labels) -> None:
        """Train on patches of which every class is drawn equally often, each in a random symmetry."""
        rng = generator(self._seed, "quality", "batches")
        of_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        optimizer = torch.optim.Adam(self._network.parameters(), lr=_LR, fused=True)
        falling = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=_STEPS)
        self._network.train()
        with reproducible(self.device, self._seed, "quality", "training"):
            for _ in range(_STEPS):
                batch = np.array([rng.choice(of_class[k]) for k in rng.integers(len(of_class), size=_BATCH)])
                symmetry_B = dihedral.draw(_BATCH, rng, square=images.shape[2] == images.shape[3])
                views_BCHW = dihedral.transform(
                    self._tensor(images[batch]), torch.from_numpy(symmetry_B).to(self.device)
                )
                targets_B = torch.from_numpy(labels[batch]).to(self.device)
                loss = F.cross_entropy(self._network(views_BCHW), targets_B)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                falling.step()

    def features(self, images: Images) -> npt.NDArray[np.float64]:
        """Return features (N, 128)."""
        return np.concatenate([self._evaluate(self._network.features, batch) for batch in _batches(images)])

    def predict(self, images: Images) -> npt.NDArray[np.float64]:
        """Return class probabilities (N, K)."""
        logits = [self._evaluate(self._network, batch) for batch in _batches(images)]
        return torch.from_numpy(np.concatenate(logits)).softmax(dim=1).numpy()

    @torch.inference_mode()
    def _evaluate(self, function: Any, images: Images) -> npt.NDArray[np.float64]:
        self._network.eval()
        with full_precision():
            values: npt.NDArray[np.float64] = function(self._tensor(images)).double().cpu().numpy()
        return values

    def _tensor(self, images: Images) -> Tensor:
        patches_BCHW = torch.from_numpy(images.astype(np.float32)).to(self.device)
        return channels_last(self._scale.normalise(patches_BCHW))


def _batches(images: Images) -> list[Images]:
    return [images[start : start + EVALUATION_BATCH] for start in range(0, max(1, len(images)), EVALUATION_BATCH)]
