"""The live parts of one DC-GAN: train a chunk of steps, average the generator's weights, make patches.

Beside Radford et al. 2016: one-sided label smoothing (Salimans et al. 2016), the augmentation of ``augment.py``, and
patches made by the exponential moving average of the generator's weights, with batch norm's statistics taken anew for
it (as Brock et al. 2019): an average of the two networks' chase is steadier than where it happens to end.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import override

from raysat.config.families.learning import Ema
from raysat.config.families.synthetic import Dcgan
from raysat.config.schema import Generation
from raysat.data.store import PatchStore
from raysat.generation.dcgan import augment
from raysat.generation.dcgan.networks import Discriminator, Generator
from raysat.generation.engine import MEASURED, Engine, Images, Losses
from raysat.training import batch_norm
from raysat.training.augment import dihedral
from raysat.training.averaging import WeightAverage
from raysat.training.device import autocast
from raysat.training.patches import Scale
from raysat.training.seeding import generator, reproducible

_BETA2: Final = 0.999  # Adam's default; the paper lowers beta1 alone
_REAL: Final = 0.9  # the target of real patches: one-sided label smoothing, Salimans et al.'s
_EMA: Final = 0.999  # most that is kept of the average at a step; less at first
_TAIL: Final = 0.1  # per cent of a band's values beyond each end of the scale that the tanh covers
_LATENTS: Final = 64  # in a batch of the averaged generator
_REFRESHED: Final = 4  # batches that batch norm's statistics are taken from, at the end


class GanEngine(Engine):
    """A generator, its discriminator and their optimisers."""

    def __init__(self, work: Generation, gan: Dcgan, store: PatchStore, device: torch.device) -> None:
        """Build the networks at their start.

        Args:
            work: the class and its bands.
            gan: its settings.
            store: the real patches.
            device: where to train.
        """
        super().__init__(work, store, device)
        self.gan = gan
        self._scale = self._on_class(Scale.of(store, [store.bands.index(band) for band in work.bands], device))
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

    @property
    @override
    def network(self) -> Generator:
        return self.generator

    @override
    def train(self, steps: int, chunk: int) -> Losses:
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
        taken_BCHW, symmetry_B = self._draw_real(batch, rng)
        real_BCHW = dihedral.transform(self._scale.to_unit(taken_BCHW) * 2.0 - 1.0, symmetry_B)
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

    @override
    @torch.no_grad()
    def make(self, count: int) -> Images:
        with reproducible(self.device, self.gan.seed, "gan", "readout"):
            latents = (self._latent_batch("batch norm", index) for index in range(_REFRESHED))
            network = self.average.result(self.generator, partial(batch_norm.estimate, batches=latents))
            batches = range(-(-count // _LATENTS))
            patches = [self._unscaled(network(self._latent_batch("patches", index))) for index in batches]
        return np.concatenate(patches)[:count]

    def _unscaled(self, patches_BCHW: Tensor) -> Images:
        """Patches in [-1, 1] in the store's units and type."""
        return self._to_store(self._scale.from_unit((patches_BCHW.float() + 1.0) / 2.0).cpu().numpy())

    def _on_class(self, scale: Scale) -> Scale:
        """Replace a store's full scale by that of the class's own train patches, robust as the store's is.

        On the store's, a dark class such as water would lie where the tanh is flat.
        """
        some = self.real_samples(MEASURED).astype(np.float32)
        low, high = np.percentile(some, (_TAIL, 100.0 - _TAIL), axis=(0, 2, 3)).astype(np.float32)
        span = np.where(high > low, high - low, np.float32(1.0))
        low_C11, span_C11 = (torch.from_numpy(values).to(self.device)[:, None, None] for values in (low, span))
        return dataclasses.replace(scale, low=low_C11, span=span_C11)

    def _latent_batch(self, purpose: str, index: int) -> Tensor:
        return self._latents(generator(self.gan.seed, "gan", purpose, index), _LATENTS)

    def _latents(self, rng: np.random.Generator, count: int) -> Tensor:
        latents_BZ = rng.standard_normal((count, self.gan.latent), dtype=np.float32)
        return torch.from_numpy(latents_BZ).to(self.device, non_blocking=True)
