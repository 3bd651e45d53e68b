"""A rectified flow (Liu et al. 2023; Lipman et al. 2023) from the Gaussian of a class to its patches.

A patch x and a draw e of its class's Gaussian are joined by a line, x_t = t x + (1 - t) e, along which a network learns
the mean velocity E[x - e | x_t] (Liu et al., equation 1). From white noise, as usual, some thousand steps leave pixels
of bands that hardly vary between neighbours grainy. From the Gaussian, of which any source is allowed, the network has
nothing to learn but what is not Gaussian: the velocity is that of two Gaussians alike, which is linear, and a network's
correction, scaled as in Karras et al. 2022, table 1. It has the smoothness of each band, too.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from generating.field import Field
from generating.unet import UNet
from raysat.data.store import PatchStore
from raysat.training.augment import dihedral

Images = npt.NDArray[Any]  # (N, C, H, W) in a store's type and units

_BATCH: Final = 16  # as the DC-GAN's
_LR: Final = 1e-3
_BETAS: Final = (0.9, 0.99)
_WARM_UP: Final = 50  # steps
_KEPT: Final = 0.999  # of the average of weights at a step, at most
_TIMES: Final = (-0.3, 1.2)  # mean and deviation of a time's logit (Esser et al. 2024, section 3.1)
_EULER: Final = 20  # steps of a patch


class Flow:
    """Learns the patches of some classes by one network; makes patches of each by the average of its weights."""

    def __init__(self, store: PatchStore, labels: Sequence[int], *, seed: int, width: int = 24) -> None:
        """Measure the classes and build the network at its start.

        Args:
            store: its train patches are learned, which are square with a side that 8 divides.
            labels: of the classes.
            seed: of the weights and of all that is drawn in training.
            width: of the network.
        """
        self._labels, self._store, self.steps = list(labels), store, 0
        self._rng = np.random.default_rng([seed, 7])
        rows = store.indices("train")
        parts = [store.images[rows[store.labels[rows] == label]].astype(np.float32) for label in labels]
        self._mean = [part.mean(axis=(0, 2, 3), keepdims=True) for part in parts]
        self._std = [part.std(axis=(0, 2, 3), keepdims=True) for part in parts]
        whole = zip(parts, self._mean, self._std, strict=True)
        self._patches = [torch.from_numpy((part - mean) / std) for part, mean, std in whole]
        self._fields = [Field(patches) for patches in self._patches]
        deviations = torch.stack([field.variances_RC for field in self._fields]).sqrt()
        deviations = (deviations / deviations[:, 1:].amax(dim=1, keepdim=True)).clamp(max=1)
        self._smooth = deviations[:, self._fields[0].radius_HW].permute(0, 3, 1, 2).contiguous()  # (K, C, H, W)
        torch.manual_seed(seed)
        self._network = UNet(bands=len(store.bands), classes=len(self._labels), width=width)
        self._network = self._network.to(memory_format=torch.channels_last)
        self._average = copy.deepcopy(self._network)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=_LR, betas=_BETAS, fused=True)

    def train(self, steps: int) -> None:
        """Take some steps."""
        for _ in range(steps):
            class_B = self._rng.integers(len(self._labels), size=_BATCH)
            own = [self._patches[k][self._rng.integers(len(self._patches[k]))] for k in class_B]
            symmetry_B = torch.from_numpy(dihedral.draw(_BATCH, self._rng, square=True))
            real_BCHW = dihedral.transform(torch.stack(own), symmetry_B)
            mean, deviation = _TIMES
            logit_B = mean + deviation * self._rng.standard_normal(_BATCH)
            time_B = torch.from_numpy(1 / (1 + np.exp(-logit_B))).float()
            source_BCHW = self._source(torch.from_numpy(class_B), self._rng)
            time, loss_scale = time_B[:, None, None, None], _variance(time_B)
            velocity_BCHW = self._velocity(
                self._network, time * real_BCHW + (1 - time) * source_BCHW, time_B, torch.from_numpy(class_B)
            )
            loss = ((velocity_BCHW - (real_BCHW - source_BCHW)).square() * loss_scale).mean()
            self._optimizer.zero_grad()
            torch.autograd.backward(loss)
            for group in self._optimizer.param_groups:
                group["lr"] = _LR * min(1, (self.steps + 1) / _WARM_UP)
            self._optimizer.step()
            self.steps += 1
            self._keep()

    @torch.no_grad()
    def make(self, label: int, count: int, *, seed: int) -> Images:
        """Make patches of a class, in the store's type; before the first step they are those of its Gaussian."""
        k = self._labels.index(label)
        class_N = torch.full((count,), k)
        patches_NCHW = self._source(class_N, np.random.default_rng([seed, label, 11]))
        times = np.linspace(0, 1, _EULER + 1) if self.steps else np.zeros(1)
        for begin, end in pairwise(times):
            time_N = torch.full((count,), float(begin))
            patches_NCHW += float(end - begin) * self._velocity(self._average, patches_NCHW, time_N, class_N)
        dtype = self._store.images.dtype
        images = patches_NCHW.numpy() * self._std[k] + self._mean[k]
        if dtype.kind == "f":
            return images.astype(dtype)
        bounds = np.iinfo(dtype)
        return images.round().clip(bounds.min, bounds.max).astype(dtype)

    def _velocity(self, network: UNet, patches_BCHW: Tensor, time_B: Tensor, class_B: Tensor) -> Tensor:
        time, variance = time_B[:, None, None, None], _variance(time_B)
        dct = self._fields[0].dct
        rough_BCHW = dct @ network(patches_BCHW / variance.sqrt(), time_B, class_B) @ dct.T
        correction_BCHW = dct.T @ (rough_BCHW * self._smooth[class_B]) @ dct
        return (2 * time - 1) / variance * patches_BCHW + correction_BCHW / variance.sqrt()

    def _source(self, class_B: Tensor, rng: np.random.Generator) -> Tensor:
        white_BCHW = torch.from_numpy(rng.standard_normal((len(class_B), *self._patches[0].shape[1:]), np.float32))
        source_BCHW = torch.empty_like(white_BCHW)
        for k in class_B.unique().tolist():
            source_BCHW[class_B == k] = self._fields[k].draw(white_BCHW[class_B == k])
        return source_BCHW

    @torch.no_grad()
    def _keep(self) -> None:
        kept = min(_KEPT, (1 + self.steps) / (10 + self.steps))
        averaged, latest = list(self._average.parameters()), list(self._network.parameters())
        torch._foreach_lerp_(averaged, latest, 1 - kept)


def _variance(time_B: Tensor) -> Tensor:
    """Variance of x_t for x and e of variance 1, (B, 1, 1, 1)."""
    return (time_B.square() + (1 - time_B).square())[:, None, None, None]
