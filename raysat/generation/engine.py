"""The live parts of one DC-GAN: train a chunk of steps, average the generator's weights, make patches.

Beside Radford et al. 2016: one-sided label smoothing (Salimans et al. 2016), the augmentation of ``augment.py``, and
patches made by the exponential moving average of the generator's weights, with batch norm's statistics taken anew for
it (as Brock et al. 2019): an average of the two networks' chase is steadier than where it happens to end.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from raysat.config.families.learning import Ema
from raysat.config.schema import Generation
from raysat.data.store import PatchStore
from raysat.generation import augment
from raysat.generation.networks import Discriminator, Generator
from raysat.training import batch_norm
from raysat.training.augment import dihedral
from raysat.training.averaging import WeightAverage
from raysat.training.device import autocast
from raysat.training.patches import Scale, open_patches
from raysat.training.seeding import generator, reproducible

_BETA2: Final = 0.999  # Adam's default; the paper lowers beta1 alone
_REAL: Final = 0.9  # the target of real patches: one-sided label smoothing, Salimans et al.'s
_EMA: Final = 0.999  # most that is kept of the average at a step; less at first
_TAIL: Final = 0.1  # per cent of a band's values beyond each end of the scale that the tanh covers
_SCALED: Final = 1000  # patches at most whose values that scale is read from
_LATENTS: Final = 64  # in a batch of the averaged generator
_REFRESHED: Final = 4  # batches that batch norm's statistics are taken from, at the end

Images = npt.NDArray[Any]  # (N, C, H, W) in the store's type


class GanEngine:
    """A generator, its discriminator and their optimisers; ``samples_seen`` counts the real patches shown so far."""

    def __init__(self, work: Generation, store: PatchStore, device: torch.device) -> None:
        """Build the networks at their start.

        Args:
            work: the class, its bands, and the GAN's settings.
            store: the real patches.
            device: where to train.
        """
        gan, bands = work.gan, [store.bands.index(band) for band in work.bands]
        self.gan, self.device, self.dtype = gan, device, store.images.dtype
        self._size, self._bands = (int(store.images.shape[2]), int(store.images.shape[3])), len(bands)
        self._train = open_patches(store, ("train",), bands, device)["train"]
        self._positions = np.flatnonzero(self._train.labels == work.label)
        self._scale = self._on_class(Scale.of(store, bands, device))
        with reproducible(device, gan.seed, "gan", "weights"):
            self.generator = Generator(bands=self._bands, size=self._size, width=gan.width, latent=gan.latent)
            discriminator = Discriminator(bands=self._bands, size=self._size, width=gan.width)
        self.generator = self.generator.to(device).to(memory_format=torch.channels_last)
        self._discriminator = discriminator.to(device).to(memory_format=torch.channels_last)
        self.average = WeightAverage(Ema(decay=_EMA), self.generator, epochs=1)
        self._optimizers = [
            torch.optim.Adam(network.parameters(), lr=gan.lr, betas=(gan.beta1, _BETA2), fused=True)
            for network in (self.generator, self._discriminator)
        ]
        self.samples_seen = self.steps = 0

    def train(self, steps: int, chunk: int) -> tuple[float, float]:
        """Take some steps; returns the mean losses of generator and discriminator, which may not be finite."""
        rng = generator(self.gan.seed, "gan", "chunk", chunk)
        totals = torch.zeros(2, device=self.device)
        with reproducible(self.device, self.gan.seed, "gan", "chunk", chunk):
            self.generator.train()
            for _ in range(steps):
                totals += torch.stack(self._step(rng))
        generator_loss, discriminator_loss = (totals / steps).tolist()
        return generator_loss, discriminator_loss

    def _step(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """One update of each network: the discriminator's first, then the generator's by the same fakes."""
        batch = self.gan.batch_size
        of_generator, of_discriminator = self._optimizers
        positions = self._positions[rng.integers(len(self._positions), size=batch)]
        # Any symmetry of a real patch is as real: nadir imagery has no up (but for its shadows).
        drawn_B = dihedral.draw(batch, rng, square=self._size[0] == self._size[1])
        symmetry_B = torch.from_numpy(drawn_B).to(self.device, non_blocking=True)
        real_BCHW = dihedral.transform(self._scale.to_unit(self._train.take(positions)) * 2.0 - 1.0, symmetry_B)
        with autocast(self.device):
            fake_BCHW = self.generator(self._latents(rng, batch))
        real_B, fake_B = self._discriminate(real_BCHW, rng), self._discriminate(fake_BCHW.detach(), rng)
        target_B = torch.full_like(real_B, _REAL)
        discriminator_loss = F.binary_cross_entropy_with_logits(real_B, target_B) + F.softplus(fake_B).mean()
        of_discriminator.zero_grad()
        torch.autograd.backward(discriminator_loss)
        of_discriminator.step()
        generator_loss = F.softplus(-self._discriminate(fake_BCHW, rng)).mean()  # -log D(G(z)): does not saturate
        of_generator.zero_grad()
        # Of the gradients, only the generator's: the discriminator's are not needed.
        torch.autograd.backward(generator_loss, inputs=list(self.generator.parameters()))
        of_generator.step()
        self.average.after_step(self.generator)
        self.samples_seen, self.steps = self.samples_seen + batch, self.steps + 1
        return generator_loss.detach(), discriminator_loss.detach()

    def _discriminate(self, patches_BCHW: Tensor, rng: np.random.Generator) -> Tensor:
        """Logits (B,) of patches, augmented."""
        params = augment.draw(len(patches_BCHW), self._bands, self._size, rng)
        with autocast(self.device):
            logits_B: Tensor = self._discriminator(augment.diff_augment(patches_BCHW, params))
        return logits_B.float()

    @torch.no_grad()
    def make(self, count: int) -> Images:
        """Make patches (N, C, H, W) in the store's type; the first of them are those of a smaller count."""
        with reproducible(self.device, self.gan.seed, "gan", "readout"):
            latents = (self._latent_batch("batch norm", index) for index in range(_REFRESHED))
            network = self.average.result(self.generator, partial(batch_norm.estimate, batches=latents))
            batches = range(-(-count // _LATENTS))
            patches = [self._to_store(network(self._latent_batch("patches", index))) for index in batches]
        return np.concatenate(patches)[:count]

    def real_samples(self, count: int) -> Images:
        """Return up to ``count`` real train patches of the class, evenly spaced in the store."""
        some = np.linspace(0, len(self._positions) - 1, min(count, len(self._positions))).round().astype(np.int64)
        taken: Images = self._train.take(self._positions[some]).cpu().numpy().astype(self.dtype)
        return taken

    def _to_store(self, patches_BCHW: Tensor) -> Images:
        """Patches in [-1, 1] in the store's units and type."""
        pixels: Images = self._scale.from_unit((patches_BCHW.float() + 1.0) / 2.0).cpu().numpy()
        if self.dtype.kind == "f":
            return pixels.astype(self.dtype)
        bounds = np.iinfo(self.dtype)
        return pixels.round().clip(bounds.min, bounds.max).astype(self.dtype)

    def _on_class(self, scale: Scale) -> Scale:
        """Replace a store's full scale by that of the class's own train patches, robust as the store's is.

        On the store's, a dark class such as water would lie where the tanh is flat.
        """
        some = self.real_samples(_SCALED).astype(np.float32)
        low, high = np.percentile(some, (_TAIL, 100.0 - _TAIL), axis=(0, 2, 3)).astype(np.float32)
        span = np.where(high > low, high - low, np.float32(1.0))
        low_C11, span_C11 = (torch.from_numpy(values).to(self.device)[:, None, None] for values in (low, span))
        return dataclasses.replace(scale, low=low_C11, span=span_C11)

    def _latent_batch(self, purpose: str, index: int) -> Tensor:
        return self._latents(generator(self.gan.seed, "gan", purpose, index), _LATENTS)

    def _latents(self, rng: np.random.Generator, count: int) -> Tensor:
        latents_BZ = rng.standard_normal((count, self.gan.latent), dtype=np.float32)
        return torch.from_numpy(latents_BZ).to(self.device, non_blocking=True)
