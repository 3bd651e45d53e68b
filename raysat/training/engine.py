"""The live parts of a training on one worker: train an epoch, predict a split, take the final model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from raysat.config.families.learning import Average, NoAverage
from raysat.config.schema import Config, Trial, average_id
from raysat.data.store import PatchStore, Split
from raysat.training import batch_norm, divergence, evaluation, sampling
from raysat.training.averaging import WeightAverage
from raysat.training.batch import step_inputs
from raysat.training.check import band_positions, evaluation_splits
from raysat.training.device import EVALUATION_BATCH, autocast
from raysat.training.epochs import Epochs
from raysat.training.first_stage import FirstStage, start
from raysat.training.graphs import GraphedSteps, Steps, say_launched
from raysat.training.models.build import parameter_count
from raysat.training.models.plugin import network_faults
from raysat.training.parallel import Workers
from raysat.training.patches import ResidentPatches, Scale, SharedPixels, open_patches
from raysat.training.prediction import Predictor
from raysat.training.results import Logits, Probabilities
from raysat.training.second_stage import SecondStage
from raysat.training.seeding import generator, reproducible
from raysat.training.step_inputs import StepInputs, to_device

OnPace = Callable[[float], None]
_PACE_S: Final = 3.0  # of steps, before their pace is told


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
        shared: SharedPixels | None = None,
        eager: bool = False,
        on_pace: OnPace | None = None,
    ) -> None:
        """Build the network at its start, and open the patches.

        Args:
            trial: what to train.
            store: the patches.
            device: where to train.
            generated: stores of patches made by a model.
            averages: weight averages to keep up for other trials beside the trial's own, each with its trial's epochs.
            shared: asks for patches that lie on a CUDA device already (``open_patches``).
            eager: launch every operation of a step from Python, on CUDA too.
            on_pace: is told the images a second of the first few seconds of steps, on the CPU, once.
        """
        self.config, self.seed, self.device = trial.config, trial.seed, device
        self.classes = store.classes
        bands = band_positions(self.config, store)
        self._size = int(store.images.shape[2]), int(store.images.shape[3])
        self.evaluation_splits = evaluation_splits(store)
        self.workers = Workers.current()
        self._scale = Scale.of(store, bands, device)
        self.network, self.weights_used = start(self.config, store, bands, self._scale, seed=self.seed, device=device)
        self.parameters = parameter_count(self.network)
        splits = ("train", *self.evaluation_splits)
        self.patches = open_patches(store, splits, bands, device, generated=generated, shared=shared)
        labels, real = self.patches["train"].labels, self.config.synthetic.class_counts == "real"
        self.counts = store.counts("train") if real else np.bincount(labels, minlength=len(store.classes))
        self._split = sampling.TrainSplit(labels, self.counts, bands=len(bands))
        self._epochs = Epochs(self.config, labels, self.counts, seed=self.seed)
        self._stage = self._epochs.stage(0)  # that the network is in
        self.steps = self._epochs.steps
        self._be_in(FirstStage(self._stage, self.network, self.counts, scale=self._scale, workers=self.workers))
        self.averages: dict[str, WeightAverage] = {}
        for average, epochs in (*averages, (self.config.average, self.config.optim.epochs)):
            if not isinstance(average, NoAverage):
                self.averages[average_id(average, epochs)] = WeightAverage(average, self.network, epochs=epochs)
        is_resident = isinstance(self.patches["train"], ResidentPatches)
        can_graph = self.workers.world == 1 and is_resident
        self._graphs = GraphedSteps(device, eager=eager) if can_graph else None
        self._is_graphed = can_graph and not eager
        if device.type == "cuda" and not can_graph and not eager:
            say_launched("several workers share each batch" if is_resident else "the patches do not fit on the GPU")
        self.predictor = Predictor(
            self.patches,
            self._scale,
            classes=len(self.counts),
            workers=self.workers,
            device=device,
            is_graphed=self._is_graphed,
        )
        self.samples_seen = 0
        self.samples_taken = 0  # by steps of this process, also of an epoch that goes on
        self.epochs_done = 0
        self._on_pace = on_pace
        self._tried: Iterator[sampling.Positions] | None = None  # batches of steps that are but tried

    def train_epoch(self, epoch: int) -> float:
        """Train the epoch of this index; returns its mean loss. Raises DivergedError where one is not finite."""
        self.enter(epoch)
        batches, weights_K = self._epochs.batches(epoch), self._epochs.weights(epoch)
        is_other = self._step.begin_epoch(torch.from_numpy(weights_K), self._epochs.reweight(epoch))
        if is_other and self._graphs is not None:
            self._graphs.forget()
        moved = [average for average in self.averages.values() if average.takes_every_step]
        with reproducible(self.device, self.seed, "train", epoch, self.workers.rank), network_faults(self.config.model):
            self._trained.train_mode()
            losses = self._take_steps(epoch, self._inputs(epoch, batches, weights_K, moved), moved)
        self.samples_seen += sum(map(len, batches)) * self.stage_config.forward_passes
        self.epochs_done = epoch + 1
        for average in moved:
            average.updates += len(batches)
        for average in self.averages.values():
            average.after_epoch(self.network, self.epochs_done)
        return float(np.average(self._check_finite(losses, epoch, 0), weights=[len(batch) for batch in batches]))

    def enter(self, epoch: int) -> None:
        """Be in the stage of an epoch (0-based): a second one begins with another classifier, optimiser and step.

        Averages end with the first one. Raises ValueError for an epoch of a stage that is over.
        """
        stage = self._epochs.stage(epoch)
        if stage.first_epoch < self._stage.first_epoch:
            raise ValueError(f"epoch {epoch + 1} is of a stage that is over")
        if stage is self._stage:
            return
        self.averages.clear()
        self._stage = stage
        self._be_in(
            SecondStage(
                self.config, stage, self.network, self.counts, seed=self.seed, scale=self._scale, workers=self.workers
            )
        )
        self.state_changed()

    def _be_in(self, stage: FirstStage | SecondStage) -> None:
        self._trained = stage
        self.optimizer, self._parallel, self._step = stage.optimizer, stage.parallel, stage.step

    def _take_steps(self, epoch: int, inputs: Iterator[StepInputs], moved: list[WeightAverage]) -> Tensor:
        """Take the steps of an epoch; return the loss of each, this worker's part. Raises DivergedError on the CPU."""
        train = self.patches["train"]
        if self._graphs is not None and isinstance(train, ResidentPatches):
            gather, step = train.gather, self._step
            steps = Steps(
                views=lambda view: step.views(gather(view.positions_n), view),
                take=lambda views_NCHW, update: step(views_NCHW, update, moved),
            )
            return torch.cat(self._graphs(steps, inputs))
        losses, seen, began, on_cpu = [], 0, time.perf_counter(), self.device.type == "cpu"
        for index, one in enumerate(inputs):
            patches_nCHW, own = train.take(one.view.positions_n.numpy()), to_device(one, self.device)
            views_NCHW = self._step.views(patches_nCHW, own.view, by_patch=on_cpu)
            losses.append(self._step(views_NCHW, own.update, moved))
            if on_cpu and self.workers.world == 1:  # elsewhere a look would stall each step
                self._check_finite(losses[-1][None], epoch, index)
                seen += len(one.update.labels_b) * self.stage_config.forward_passes
                if self._on_pace and (spent := time.perf_counter() - began) > _PACE_S:
                    self._on_pace(seen / spent)
                    self._on_pace = None
        return torch.stack(losses)

    def _inputs(
        self,
        epoch: int,
        batches: list[sampling.Positions],
        weights_K: npt.NDArray[np.float64],
        moved: list[WeightAverage],
    ) -> Iterator[StepInputs]:
        """Draw what each step of an epoch needs."""
        split, rng = self._split, generator(self.seed, "augment", epoch)
        for index, positions_B in enumerate(batches):
            self.samples_taken += len(positions_B) * self.stage_config.forward_passes
            yield step_inputs(
                self.config.augment,
                sampling.Batch(positions=positions_B, labels=split.labels[positions_B], size=self._size),
                rng,
                split=split,
                weights_K=weights_K,
                lr=self.learning_rate(epoch * self.steps + index),
                momenta=[average.momentum(index) for average in moved],
                rank=self.workers.rank,
                world=self.workers.world,
                device=self.device,
            )

    def try_steps(self, count: int) -> int:
        """Take so many steps for their time alone; return their patches. The network is of no use then."""
        if self._tried is None:
            self._tried = cycle(self._epochs.batches(0))
        batches, weights_K = list(islice(self._tried, count)), np.ones(len(self.counts))
        moved = [average for average in self.averages.values() if average.takes_every_step]
        self._trained.train_mode()
        with network_faults(self.config.model):
            self._take_steps(0, self._inputs(0, batches, weights_K, moved), moved)
        return sum(map(len, batches))

    @torch.inference_mode()
    def try_evaluation(self, count: int) -> int:
        """Evaluate so many batches for their time alone; return their patches."""
        patches = self.patches[self.evaluation_splits[0]]
        size = min(len(patches), EVALUATION_BATCH)
        self.network.eval()
        for _ in range(count):
            with network_faults(self.config.model):
                self.network(self._clean(patches.take(np.arange(size))))
        return count * size

    @property
    def stage_config(self) -> Config:
        """What holds now, which says what the network's scores mean: of the first stage, or of the second one."""
        return self._stage.config

    def logits(self, network: nn.Module, split: Split) -> Logits:
        """Return the (N, K) posterior logits of a split's patches. Raises DivergedError where scores are not finite."""
        found = self.predictor.logits(self.stage_config, network, split, trains=network is self.network)
        self.check_scores(found.max(axis=1), split)  # of finite ones a softmax is finite
        return found

    def predict(self, network: nn.Module, split: Split) -> Probabilities:
        """Return the (N, K) class probabilities of a split's patches. Raises DivergedError where one is not finite."""
        return self.predictor.read(self.logits(network, split), None)

    def check_scores(self, values: npt.NDArray[np.float32], split: Split) -> None:
        """Raise DivergedError where what a network says of a split is not finite."""
        if not np.isfinite(values).all():
            raise divergence.of_scores(split, self._where(self.epochs_done, self.epochs_done * self.steps - 1))

    def _where(self, epoch: int, step: int) -> divergence.Where:
        return divergence.Where(
            epoch=epoch, epochs=self.config.epochs, lr=self.learning_rate(step), advice=self._trained.advice
        )

    def final_model(self, average: Average | None = None) -> nn.Module:
        """Return the trained network, or an ``average`` of a trial that ends here; by default the trial's own.

        An average's batch norm is re-estimated on clean training patches; training may be resumed from here.
        """
        epochs = self.epochs_done
        if average is None:
            average, epochs = self.config.average, self.config.optim.epochs
        if isinstance(average, NoAverage):
            return self._trained.final_model()
        train, batch_size = self.patches["train"], self.config.optim.batch_size
        batches = sampling.batches(generator(self.seed, "batch_norm").permutation(len(train)), batch_size)

        def estimate(network: nn.Module) -> None:
            if self._graphs is not None and isinstance(train, ResidentPatches):
                take = partial(self._gather_clean, train)
                batch_norm.estimate_replayed(network, take, batches, eager=not self._is_graphed)
            else:
                batch_norm.estimate(network, (self._clean(train.take(positions_B)) for positions_B in batches))

        with reproducible(self.device, self.seed, "batch_norm"), autocast(self.device):
            return self.averages[average_id(average, epochs)].result(self.network, estimate)

    def _gather_clean(self, patches: ResidentPatches, positions_B: Tensor) -> Tensor:
        return self._clean(patches.gather(positions_B))

    def _clean(self, patches_BCHW: Tensor) -> Tensor:
        """What the network sees of patches where nothing augments them."""
        return evaluation.clean(self._scale, patches_BCHW)

    def state_changed(self) -> None:
        """Take note that tensors which steps work on, or the averages that they move, are others now."""
        self.predictor.forget()
        if self._graphs is not None:
            self._graphs.forget()

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from the start of training."""
        return self._epochs.learning_rate(step)

    def _check_finite(self, losses_S: Tensor, epoch: int, first: int) -> npt.NDArray[np.float32]:
        """Return the losses of consecutive batches, over all workers. Raises DivergedError where one is not finite."""
        mean: npt.NDArray[np.float32] = self.workers.sum(losses_S).div(self.workers.world).cpu().numpy()
        bad = np.flatnonzero(~np.isfinite(mean))
        if len(bad):
            index = first + int(bad[0])
            where = self._where(epoch + 1, epoch * self.steps + index)
            raise divergence.of_loss(mean[bad[0]], batch=index + 1, batches=self.steps, where=where)
        return mean
