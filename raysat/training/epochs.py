"""What decides each epoch of a training beside the weights: its stage, its batches, its class weights, its rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from raysat.config import learning_rate
from raysat.config.class_weights import class_weights
from raysat.config.milestones import SteadyReweight, reweight_at
from raysat.config.schema import Config
from raysat.config.stages import Stage, stage_at, stages
from raysat.training import sampling
from raysat.training.seeding import generator


class Epochs:
    """The epochs of a trial on its train split; ``steps`` are the batches of each."""

    def __init__(self, config: Config, labels: npt.NDArray[Any], counts: npt.NDArray[Any], *, seed: int) -> None:
        """Find the stages.

        Args:
            config: of the trial.
            labels: class of each training patch, shape (n,).
            counts: n_c that methods go by, shape (K,).
            seed: of the trial.
        """
        self._stages, self._labels, self._counts, self._seed = stages(config), labels, counts, seed
        self.steps = len(self.batches(0))

    def stage(self, epoch: int) -> Stage:
        """Return the stage that an epoch (0-based) is in."""
        return stage_at(self._stages, epoch)

    def batches(self, epoch: int) -> list[sampling.Positions]:
        """Draw the batches of an epoch; random numbers are of the whole training's epoch, whatever its stage."""
        stage = self.stage(epoch)
        order = sampling.epoch_order(
            stage.config.sampler,
            self._labels,
            self._counts,
            generator(self._seed, "order", epoch),
            epoch=epoch - stage.first_epoch,
            epochs=stage.config.optim.epochs,
        )
        return sampling.batches(order, stage.config.optim.batch_size)

    def weights(self, epoch: int) -> npt.NDArray[np.float64]:
        """Return what each class counts in an epoch, shape (K,)."""
        stage = self.stage(epoch)
        own, epochs = stage.config.reweight, stage.config.optim.epochs
        return class_weights(own, self._counts, epoch=epoch - stage.first_epoch, epochs=epochs)

    def reweight(self, epoch: int) -> SteadyReweight:
        """Return what weighs classes, or patches, in an epoch."""
        stage = self.stage(epoch)
        return reweight_at(stage.config.reweight, epoch=epoch - stage.first_epoch, epochs=stage.config.optim.epochs)

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from the start of training."""
        stage = self.stage(step // self.steps)
        own, step = stage.config, step - stage.first_epoch * self.steps
        return learning_rate.learning_rate(own.schedule, own.optim, step=step, steps_per_epoch=self.steps)
