"""The live parts of a training on one worker: train an epoch, predict a split, take the final model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

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
from raysat.training import losses, optimizers, sampling
from raysat.training.averaging import WeightAverage
from raysat.training.batch import Batch, make_batch
from raysat.training.check import band_positions, evaluation_splits
from raysat.training.device import EVALUATION_BATCH, autocast, channels_last, full_precision
from raysat.training.models import build as models
from raysat.training.parallel import Workers
from raysat.training.patches import Scale, open_patches
from raysat.training.seeding import generator, reproducible

Labels = npt.NDArray[np.uint8]
_STABILISE: Final = "lower optim.lr (schedule.max_lr where there is one), or set optim.clip_norm"


class Engine:
    """A trial's network, optimiser and patches; ``samples_seen`` counts those of training so far, over all workers.

    ``generated`` patches join the train split: its batches and, but for ``class_counts: real``, the class counts that
    methods go by; not the statistics that all patches are normalised with, which are those of real ones. Nothing but
    the network, the optimiser and the weight averages carries over from one epoch to the next, and the averages change
    neither of the others.
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
        """Build the network at its start, and open the patches.

        Args:
            trial: what to train.
            store: the patches.
            device: where to train.
            generated: stores of patches made by a model.
            averages: weight averages to keep up for other trials beside the trial's own, each with its trial's epochs.
        """
        self.config, self.seed, self.device = trial.config, trial.seed, device
        bands = band_positions(self.config, store)
        height, width = store.images.shape[2:]
        self.evaluation_splits = evaluation_splits(store)
        self.workers = Workers.current()
        with reproducible(device, self.seed, "weights"):
            network = models.build(
                self.config.model, bands=len(bands), classes=len(store.classes), size=(height, width)
            )
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self._parallel = self.workers.wrap(self.network, device)
        self.optimizer = optimizers.build(self.config.optim, self.network)
        self.averages: dict[str, WeightAverage] = {}
        for average, epochs in (*averages, (self.config.average, self.config.optim.epochs)):
            if not isinstance(average, NoAverage):
                self.averages[average_id(average, epochs)] = WeightAverage(average, self.network, epochs=epochs)
        self._scale = Scale.of(store, bands, device)
        self.patches = open_patches(store, ("train", *self.evaluation_splits), bands, device, generated=generated)
        labels, real = self.patches["train"].labels, self.config.synthetic.class_counts == "real"
        self.counts = store.counts("train") if real else np.bincount(labels, minlength=len(store.classes))
        offsets_K = losses.logit_offsets(self.config.loss, self.counts)
        self._offsets_K = torch.as_tensor(offsets_K, dtype=torch.float32, device=device)
        self.steps = len(self._batches(0))
        self.samples_seen = 0
        self.epochs_done = 0

    def train_epoch(self, epoch: int) -> float:
        """Train the epoch of this index; returns its mean loss. Raises DivergedError where one is not finite."""
        train, batches, rng = self.patches["train"], self._batches(epoch), generator(self.seed, "augment", epoch)
        weights_K = class_weights(self.config.reweight, self.counts, epoch=epoch, epochs=self.config.optim.epochs)
        means: list[Tensor] = []
        with reproducible(self.device, self.seed, "train", epoch, self.workers.rank):
            self._parallel.train()
            for index, positions_B in enumerate(batches):
                optimizers.set_learning_rate(self.optimizer, self.learning_rate(epoch * self.steps + index))
                shard = self._shard(weights_K[train.labels[positions_B]])
                batch = make_batch(self.config.augment, train, self._scale, positions_B, shard.positions, rng)
                loss = self._loss(batch, train.labels[positions_B], shard, weights_K)
                means.append(loss.detach())
                if self.device.type == "cpu" and self.workers.world == 1:  # elsewhere a look would stall each step
                    self._check_finite(means[-1:], epoch, index)
                self.optimizer.zero_grad()
                torch.autograd.backward(loss)
                if self.config.optim.clip_norm is not None:
                    nn.utils.clip_grad_norm_(self.network.parameters(), self.config.optim.clip_norm)
                self.optimizer.step()
                for average in self.averages.values():
                    average.after_step(self.network)
                self.samples_seen += len(positions_B) * len(batch.views)
        self.epochs_done = epoch + 1
        for average in self.averages.values():
            average.after_epoch(self.network, self.epochs_done)
        return float(np.average(self._check_finite(means, epoch, 0), weights=[len(batch) for batch in batches]))

    @torch.inference_mode()
    def predict(self, network: nn.Module, split: Split) -> npt.NDArray[np.float32]:
        """Return the (N, K) class probabilities of a split's patches, computed in float32 on every device.

        Raises DivergedError where one is not finite.
        """
        patches = self.patches[split]
        probabilities_NK = torch.zeros(len(patches), len(self.counts), device=self.device)
        network.eval()
        self.workers.share_buffers(network)
        # Each worker predicts every world-th batch; the sum puts them together.
        first, stride = self.workers.rank * EVALUATION_BATCH, self.workers.world * EVALUATION_BATCH
        with full_precision():
            for start in range(first, len(patches), stride):
                positions_B = np.arange(start, min(start + EVALUATION_BATCH, len(patches)))
                logits_BK = network(channels_last(self._scale.normalise(patches.take(positions_B))))
                posterior_BK = losses.posterior_logits(self.config, logits_BK).softmax(dim=1)
                probabilities_NK[start : start + EVALUATION_BATCH] = posterior_BK
        predicted: npt.NDArray[np.float32] = self.workers.sum(probabilities_NK).cpu().numpy()
        if not np.isfinite(predicted).all():
            lr = self.learning_rate(self.epochs_done * self.steps - 1)
            raise DivergedError(
                f"the model's scores on the {split} split are not finite after epoch {self.epochs_done} of "
                f"{self.config.optim.epochs}, at learning rate {lr:g}",
                hint=_STABILISE,
            )
        return predicted

    def final_model(self, average: Average | None = None) -> nn.Module:
        """Return the trained network, or an ``average`` of a trial that ends here; by default the trial's own.

        An average's batch norm is re-estimated on clean training patches; training may be resumed from here.
        """
        epochs = self.epochs_done
        if average is None:
            average, epochs = self.config.average, self.config.optim.epochs
        if isinstance(average, NoAverage):
            return self.network
        order = generator(self.seed, "batch_norm").permutation(len(self.patches["train"]))
        with reproducible(self.device, self.seed, "batch_norm"), autocast(self.device):
            clean = (
                channels_last(self._scale.normalise(self.patches["train"].take(positions_B)))
                for positions_B in sampling.batches(order, self.config.optim.batch_size)
            )
            return self.averages[average_id(average, epochs)].result(self.network, clean)

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

    def _shard(self, weights_B: npt.NDArray[np.float64]) -> sampling.Shard:
        """This worker's part of a batch, given the weight of each patch's class."""
        return sampling.shard(weights_B, rank=self.workers.rank, world=self.workers.world)

    def _loss(
        self, batch: Batch, labels_B: Labels, shard: sampling.Shard, weights_K: npt.NDArray[np.float64]
    ) -> Tensor:
        """This worker's part of the mean loss of a batch with these labels, times the workers."""
        mixed = None
        if batch.pairs is not None:
            partners_B = labels_B[batch.pairs.partners]
            mixed = losses.Mixed(
                labels_B=self._to_device(partners_B[shard.positions].astype(np.int64)),
                class_weights_B=self._to_device(self._shard(weights_K[partners_B]).class_weights),
                lam=batch.pairs.lam,
            )
        views_VBCHW = batch.views
        with autocast(self.device):
            logits_VBK = self._parallel(channels_last(views_VBCHW.flatten(0, 1))).unflatten(0, views_VBCHW.shape[:2])
        return losses.batch_loss(
            self.config,
            logits_VBK,
            self._to_device(labels_B[shard.positions].astype(np.int64)),
            offsets_K=self._offsets_K,
            weights_K=self._to_device(weights_K.astype(np.float32)),
            class_weights_B=self._to_device(shard.class_weights),
            mean_weights_B=self._to_device(shard.mean_weights),
            mixed=mixed,
        )

    def _to_device(self, values: npt.NDArray[np.int64] | npt.NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(values).to(self.device, non_blocking=True)

    def _check_finite(self, means: list[Tensor], epoch: int, first: int) -> npt.NDArray[np.float32]:
        """Return the losses of consecutive batches, over all workers. Raises DivergedError where one is not finite."""
        mean: npt.NDArray[np.float32] = self.workers.sum(torch.stack(means)).div(self.workers.world).cpu().numpy()
        bad = np.flatnonzero(~np.isfinite(mean))
        if len(bad):
            value, index = mean[bad[0]], first + int(bad[0])
            lr = self.learning_rate(epoch * self.steps + index)
            raise DivergedError(
                f"the loss became {value} in epoch {epoch + 1} of {self.config.optim.epochs}, batch {index + 1} "
                f"of {self.steps}, at learning rate {lr:g}",
                hint=_STABILISE,
            )
        return mean
