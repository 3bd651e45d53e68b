"""The live parts of one flow: a network learns to carry draws of a class's Gaussian to patches of the class.

Flow matching (Lipman et al. 2023; Liu et al. 2023): a real patch x and a draw e are joined by a path, and a network
learns the mean velocity along all paths that pass a point; following it from a draw makes a patch. The path here is a
quarter of a circle, x_a = cos(a) e + sin(a) x (the trigonometric interpolant of Albergo & Vanden-Eijnden 2023), with
the velocity cos(a) x - sin(a) e.

From white noise, as usual, some thousand steps leave pixels grainy in bands that hardly vary between neighbours. Any
source is allowed; from the class's own Gaussian (``field.py``) the mean velocity is 0 as far as patches are Gaussian,
so the network has nothing else to learn, and its output is made as smooth as each band is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from raysat.config.families.learning import Ema
from raysat.config.families.synthetic import Flow
from raysat.config.schema import Generation
from raysat.data.store import PatchStore
from raysat.generation.engine import MEASURED, Engine, Images, Losses
from raysat.generation.flow.field import Field
from raysat.generation.flow.unet import UNet
from raysat.training.augment import dihedral
from raysat.training.averaging import WeightAverage
from raysat.training.device import autocast
from raysat.training.seeding import generator, reproducible

_BETAS: Final = (0.9, 0.99)  # of Adam
_WARM_UP: Final = 50  # steps over which the learning rate rises
_EMA: Final = 0.999  # most that is kept of the average at a step; less at first
_TIMES: Final = (-0.3, 1.2)  # mean and deviation of the logit of a time in training (as Esser et al. 2024, section 3.1)
_EULER: Final = 20  # steps of equal angles that make a patch
_DRAWS: Final = 64  # in a batch of the averaged network


class FlowEngine(Engine):
    """A class's Gaussian, the network and its optimiser."""

    def __init__(self, work: Generation, flow: Flow, store: PatchStore, device: torch.device) -> None:
        """Measure the class, and build the network at its start.

        Args:
            work: the class and its bands.
            flow: its settings.
            store: the real patches.
            device: where to train.
        """
        super().__init__(work, store, device)
        self.flow = flow
        known_NCHW = torch.from_numpy(self.real_samples(MEASURED).astype(np.float32)).to(device)
        self._mean, deviation = known_NCHW.mean(dim=(0, 2, 3))[:, None, None], known_NCHW.std(dim=(0, 2, 3))
        self._std = torch.where(deviation > 0, deviation, 1.0)[:, None, None]
        self._range = known_NCHW.amin(dim=(0, 2, 3))[:, None, None], known_NCHW.amax(dim=(0, 2, 3))[:, None, None]
        self._field = Field((known_NCHW - self._mean) / self._std)
        deviations_CHW = self._field.variances_CHW.sqrt()
        strongest_C = deviations_CHW.flatten(1)[:, 1:].amax(dim=1)  # but for the mean of a patch
        self._smooth_CHW = (deviations_CHW / strongest_C[:, None, None]).clamp(max=1.0)
        with reproducible(device, flow.seed, "flow", "weights"):
            network = UNet(bands=self._bands, width=flow.width)
        self._network = network.to(device).to(memory_format=torch.channels_last)
        self.average = WeightAverage(Ema(decay=_EMA), self._network, epochs=1)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=flow.lr, betas=_BETAS, fused=True)

    @property
    @override
    def network(self) -> UNet:
        return self._network

    @override
    def train(self, steps: int, chunk: int) -> Losses:
        rng, total = generator(self.flow.seed, "flow", "chunk", chunk), torch.zeros((), device=self.device)
        with reproducible(self.device, self.flow.seed, "flow", "chunk", chunk):
            for _ in range(steps):
                total += self._step(rng)
        return float(total / steps), None

    def _step(self, rng: np.random.Generator) -> Tensor:
        batch = self.flow.batch_size
        taken_BCHW, symmetry_B = self._draw_real(batch, rng)
        real_BCHW = dihedral.transform((taken_BCHW - self._mean) / self._std, symmetry_B)
        mean, deviation = _TIMES
        time_B = 1 / (1 + np.exp(-(mean + deviation * rng.standard_normal(batch))))
        angle_B = self._column(np.arctan2(time_B, 1 - time_B))
        drawn_BCHW, angle = self._draw(rng, batch), angle_B[:, None, None, None]
        velocity_BCHW = self._velocity(self._network, angle.cos() * drawn_BCHW + angle.sin() * real_BCHW, angle_B)
        loss = (velocity_BCHW - (angle.cos() * real_BCHW - angle.sin() * drawn_BCHW)).square().mean()
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        for group in self._optimizer.param_groups:
            group["lr"] = self.flow.lr * min(1.0, (self.steps + 1) / _WARM_UP)
        self._optimizer.step()
        self.average.after_step(self._network)
        self.samples_seen, self.steps = self.samples_seen + batch, self.steps + 1
        return loss.detach()

    @override
    @torch.no_grad()
    def make(self, count: int) -> Images:
        with reproducible(self.device, self.flow.seed, "flow", "patches"):
            patches = [self._carry(patches_BCHW) for patches_BCHW in self._draws(count)]
        return np.concatenate(patches)[:count]

    @torch.no_grad()
    def draw_gaussian(self, count: int) -> Images:
        """What ``make`` starts from: patches of the class's Gaussian, which no training changes."""
        return np.concatenate([self._unscaled(patches_BCHW) for patches_BCHW in self._draws(count)])[:count]

    def _draws(self, count: int) -> Iterator[Tensor]:
        for index in range(-(-count // _DRAWS)):
            yield self._draw(generator(self.flow.seed, "flow", "patches", index), _DRAWS)

    def _carry(self, patches_BCHW: Tensor) -> Images:
        """Follow the velocity from draws of the Gaussian to patches, by Euler's method."""
        step = np.pi / 2 / _EULER
        for index in range(_EULER):
            angle_B = self._column(np.full(len(patches_BCHW), index * step))
            patches_BCHW = patches_BCHW + step * self._velocity(self.average.network, patches_BCHW, angle_B)
        return self._unscaled(patches_BCHW)

    def _unscaled(self, patches_BCHW: Tensor) -> Images:
        """Patches in the store's units and type, within the range of the class's real ones."""
        low_C11, high_C11 = self._range
        pixels_BCHW = (patches_BCHW * self._std + self._mean).clamp(low_C11, high_C11)
        return self._to_store(pixels_BCHW.cpu().numpy())

    def _velocity(self, network: torch.nn.Module, patches_BCHW: Tensor, angle_B: Tensor) -> Tensor:
        with autocast(self.device):
            rough_BCHW: Tensor = network(patches_BCHW, angle_B / (np.pi / 2))
        return self._field.to_patches(self._field.to_frequencies(rough_BCHW.float()) * self._smooth_CHW)

    def _draw(self, rng: np.random.Generator, count: int) -> Tensor:
        white_BCHW = rng.standard_normal((count, self._bands, *self._size), dtype=np.float32)
        return self._field.draw(torch.from_numpy(white_BCHW).to(self.device, non_blocking=True))

    def _column(self, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self.device, non_blocking=True)
