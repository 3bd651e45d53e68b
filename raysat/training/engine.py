"""The live parts of a training on one worker: train an epoch, predict a split, read out a weight average, hand on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from raysat.config import learning_rate as schedules
from raysat.config.class_weights import class_weights
from raysat.config.families.learning import Average, NoAverage
from raysat.config.schema import Trial, average_id
from raysat.data.store import PatchStore, Split
from raysat.errors import DivergedError
from raysat.training import losses, optimizers, sampling, views
from raysat.training.averaging import WeightAverage
from raysat.training.check import band_positions, held_out
from raysat.training.models import build as models
from raysat.training.parallel import Workers
from raysat.training.patches import Scale, open_patches
from raysat.training.seeding import generator, reproducible

_EVALUATION_BATCH: Final = 256
Labels = npt.NDArray[np.uint8]
_CALM: Final = "lower optim.lr (schedule.max_lr where there is one), or set optim.clip_norm"


class Engine:
    """A trial's network, optimiser and patches; ``images`` counts what was trained on so far, over all workers.

    ``generated`` patches join the train split: its batches and, but for ``class_counts: real``, the class counts that
    methods go by; not the statistics that all patches are normalised with, which are those of real ones. Nothing but
    the network, the optimiser and the weight averages carries over from one epoch to the next, and the averages change
    neither of the others: ``averages`` keeps those up, beside the trial's own, that other trials read out of this
    training, each with their epochs.
    """

    def __init__(
        self,
        trial: Trial,
        store: PatchStore,
        device: torch.device,
        *,
        generated: Sequence[PatchStore] = (),
        averages: Sequence[tuple[Average, int]] = (),
    ) -> None:
        self.config, self.seed, self.device = trial.config, trial.seed, device
        bands = band_positions(self.config, store)
        height, width = store.images.shape[2:]
        self.held_out = held_out(store)
        self.workers = Workers.current()
        with reproducible(device, self.seed, "weights"):
            network = models.build(
                self.config.model, bands=len(bands), classes=len(store.classes), size=(height, width)
            )
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self._parallel = self.workers.wrap(self.network, device)
        self._optimizer = optimizers.build(self.config.optim, self.network)
        self.averages: dict[str, WeightAverage] = {}
        for average, epochs in (*averages, (self.config.average, self.config.optim.epochs)):
            if (started := WeightAverage.of(average, self.network, epochs=epochs)) is not None:
                self.averages[average_id(average, epochs)] = started
        self._scale = Scale.of(store, bands, device)
        self.patches = open_patches(store, ("train", *self.held_out), bands, device, generated=generated)
        labels, real = self.patches["train"].labels, self.config.synthetic.class_counts == "real"
        self.counts = store.counts("train") if real else np.bincount(labels, minlength=len(store.classes))
        margins_K = losses.margins(self.config.loss, self.counts)
        self._margins_K = torch.as_tensor(margins_K, dtype=torch.float32, device=device)
        self.steps = len(self._batches(0))
        self.images = 0
        self.epochs_done = 0

    def train_epoch(self, epoch: int) -> float:
        """Train the epoch of this index; returns its mean loss. Raises DivergedError where one is not finite."""
        train, batches, augment_rng = (
            self.patches["train"],
            self._batches(epoch),
            generator(self.seed, "augment", epoch),
        )
        weights_K = class_weights(self.config.reweight, self.counts, epoch=epoch, epochs=self.config.optim.epochs)
        means: list[Tensor] = []
        with self._scope("train", epoch, self.workers.rank):
            self._parallel.train()
            for index, batch in enumerate(batches):
                optimizers.set_learning_rate(self._optimizer, self.learning_rate(epoch * self.steps + index))
                part = self._part(weights_K[train.labels[batch]])
                shown = views.show(self.config.augment, train, self._scale, batch, part.positions, augment_rng)
                loss = self._loss(shown, train.labels[batch], part, weights_K)
                means.append(loss.detach())
                if self.device.type == "cpu" and self.workers.world == 1:  # elsewhere a look would make each step wait
                    self._finite(means[-1:], epoch, index)
                self._optimizer.zero_grad()
                torch.autograd.backward(loss)
                if self.config.optim.clip_norm is not None:
                    nn.utils.clip_grad_norm_(self.network.parameters(), self.config.optim.clip_norm)
                self._optimizer.step()
                for average in self.averages.values():
                    average.after_step(self.network)
                self.images += len(batch) * len(shown.views)
        self.epochs_done = epoch + 1
        for average in self.averages.values():
            average.after_epoch(self.network, self.epochs_done)
        return float(np.average(self._finite(means, epoch, 0), weights=[len(batch) for batch in batches]))

    @torch.inference_mode()
    def predict(self, network: nn.Module, split: Split) -> npt.NDArray[np.float32]:
        """Return the (N, K) class probabilities of a split's patches, computed in float32 on every device.

        Lower precision (TF32 too) would flip near ties, so that devices disagree. Raises DivergedError where one is
        not finite.
        """
        patches = self.patches[split]
        everything = np.arange(len(patches))
        probabilities_NK = torch.zeros(len(patches), len(self.counts), device=self.device)
        network.eval()
        self.workers.share_buffers(network)
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            for start in range(0, len(patches), _EVALUATION_BATCH):
                if start // _EVALUATION_BATCH % self.workers.world == self.workers.rank:
                    chunk = slice(start, start + _EVALUATION_BATCH)
                    logits_BK = network(_channels_last(self._scale.normalise(patches.take(everything[chunk]))))
                    probabilities_NK[chunk] = losses.posterior_logits(self.config, logits_BK).softmax(dim=1)
        found: npt.NDArray[np.float32] = self.workers.sum(probabilities_NK).cpu().numpy()
        if not np.isfinite(found).all():
            lr = self.learning_rate(self.epochs_done * self.steps - 1)
            raise DivergedError(
                f"the model's scores on the {split} split are not finite after epoch {self.epochs_done} of "
                f"{self.config.optim.epochs}, at learning rate {lr:g}",
                hint=_CALM,
            )
        return found

    def read_out(self, average: Average | None = None) -> nn.Module:
        """Return the trained network, or an ``average`` of a trial that ends here; by default the trial's own.

        An average's batch norm is re-estimated on clean training patches; training may go on from here.
        """
        epochs = self.epochs_done
        if average is None:
            average, epochs = self.config.average, self.config.optim.epochs
        if isinstance(average, NoAverage):
            return self.network
        order = generator(self.seed, "batch_norm").permutation(len(self.patches["train"]))
        with self._scope("batch_norm"), self._autocast():
            clean = (
                _channels_last(self._scale.normalise(self.patches["train"].take(batch)))
                for batch in sampling.batches(order, self.config.optim.batch_size)
            )
            return self.averages[average_id(average, epochs)].result(self.network, clean)

    def state(self) -> dict[str, Any]:
        """Return all that carries over to the next epoch, as live tensors and plain values (``torch.save`` it)."""
        return {
            "epoch": self.epochs_done,
            "images": self.images,
            "network": self.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "averages": {key: average.state_dict() for key, average in self.averages.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a ``state``, whose optimiser's tensors become this one's; KeyError where it lacks an average."""
        averages = [(average, state["averages"][key]) for key, average in self.averages.items()]
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        for average, its in averages:
            average.load_state_dict(its)
        self.epochs_done, self.images = state["epoch"], state["images"]

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from the start of training."""
        return schedules.learning_rate(self.config.schedule, self.config.optim, step=step, steps_per_epoch=self.steps)

    def _batches(self, epoch: int) -> list[sampling.Positions]:
        order = sampling.epoch_order(
            self.config.sampler,
            self.patches["train"].labels,
            self.counts,
            generator(self.seed, "order", epoch),
            epoch=epoch,
            epochs=self.config.optim.epochs,
        )
        return sampling.batches(order, self.config.optim.batch_size)

    def _part(self, weights_B: npt.NDArray[np.float64]) -> sampling.Shard:
        """This worker's part of a batch, given the weight of each patch's class."""
        return sampling.shard(weights_B, rank=self.workers.rank, world=self.workers.world)

    def _loss(
        self, shown: views.Shown, labels_B: Labels, part: sampling.Shard, weights_K: npt.NDArray[np.float64]
    ) -> Tensor:
        """This worker's part of the mean loss of a batch with these labels, times the workers."""
        mixed = None
        if shown.pairs is not None:
            partners_B = labels_B[shown.pairs.partners]
            mixed = losses.Mixed(
                labels_B=self._labels(partners_B[part.positions]),
                weighted_B=self._shares(self._part(weights_K[partners_B]).weighted),
                share=shown.pairs.share,
            )
        views_VBCHW = shown.views
        with self._autocast():
            logits_VBK = self._parallel(_channels_last(views_VBCHW.flatten(0, 1))).unflatten(0, views_VBCHW.shape[:2])
        return losses.batch_loss(
            self.config,
            logits_VBK,
            self._labels(labels_B[part.positions]),
            margins_K=self._margins_K,
            weights_K=self._shares(weights_K.astype(np.float32)),
            weighted_B=self._shares(part.weighted),
            even_B=self._shares(part.even),
            mixed=mixed,
        )

    def _labels(self, labels: Labels) -> Tensor:
        return torch.from_numpy(labels.astype(np.int64)).to(self.device, non_blocking=True)

    def _shares(self, shares: npt.NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(shares).to(self.device, non_blocking=True)

    def _finite(self, means: list[Tensor], epoch: int, first: int) -> npt.NDArray[np.float32]:
        """Return the losses of consecutive batches, over all workers. Raises DivergedError where one is not finite."""
        found: npt.NDArray[np.float32] = self.workers.sum(torch.stack(means)).div(self.workers.world).cpu().numpy()
        bad = np.flatnonzero(~np.isfinite(found))
        if len(bad):
            value, index = found[bad[0]], first + int(bad[0])
            lr = self.learning_rate(epoch * self.steps + index)
            raise DivergedError(
                f"the loss became {value} in epoch {epoch + 1} of {self.config.optim.epochs}, batch {index + 1} "
                f"of {self.steps}, at learning rate {lr:g}",
                hint=_CALM,
            )
        return found

    def _scope(self, *purpose: str | int) -> AbstractContextManager[None]:
        return reproducible(self.device, self.seed, *purpose)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda")


def _channels_last(patches_BCHW: Tensor) -> Tensor:
    return patches_BCHW.contiguous(memory_format=torch.channels_last)
