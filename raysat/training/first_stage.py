"""The first stage of a training: the network at its start, and what trains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy.typing as npt
import torch
from torch import nn

from raysat.config.families.reweight import InfluenceBalanced
from raysat.config.families.sharpness import NoSharpness
from raysat.config.heads import head_of
from raysat.config.schema import Config
from raysat.config.stages import Stage
from raysat.data.store import PatchStore
from raysat.data.weights.used import WeightsUsed
from raysat.training import optimizers
from raysat.training.class_constants import class_constants
from raysat.training.device import network_channels_last
from raysat.training.models import build as models
from raysat.training.models import layers, satellite
from raysat.training.models.last_layer import check_last_layer, last_layer
from raysat.training.parallel import Workers
from raysat.training.patches import Scale
from raysat.training.seeding import reproducible
from raysat.training.sharpness import two_passes
from raysat.training.step import TrainStep


def start(
    config: Config, store: PatchStore, bands: Sequence[int], scale: Scale, *, seed: int, device: torch.device
) -> tuple[nn.Module, WeightsUsed | None]:
    """Build the network of a training as it starts, on its device.

    Args:
        config: of the trial.
        store: the patches.
        bands: positions of those that the network sees.
        scale: of these bands.
        seed: of the trial.
        device: where to train.

    Returns:
        The network, and which weights of satellite images it starts from, if any.

    Raises:
        PlanError, PluginError, TrainingError: as ``models.build.build``, or weights that cannot be had.
    """
    check_last_layer(config)
    with reproducible(device, seed, "weights"):
        network = models.build(
            config.model,
            bands=len(bands),
            classes=len(store.classes),
            size=(int(store.images.shape[2]), int(store.images.shape[3])),
            head=head_of(config.loss),
        )
    used = satellite.start_from(network, config.model, store, bands, scale)
    layers.freeze(network, config.model)
    return network_channels_last(network.to(device)), used


class FirstStage:
    """What trains a network from its start; a second stage has the same parts."""

    advice: Final = "lower optim.lr (schedule.max_lr where there is one), or set optim.clip_norm"  # where it diverges

    def __init__(
        self, stage: Stage, network: nn.Module, counts: npt.NDArray[Any], *, scale: Scale, workers: Workers
    ) -> None:
        """Wrap the network for several workers, and build its optimiser and its step.

        Args:
            stage: the first one.
            network: at its start.
            counts: training patches of each class that methods go by, shape (K,).
            scale: of the store's bands.
            workers: that share each batch.
        """
        config, device = stage.config, next(network.parameters()).device
        self._network = network
        self.parallel = workers.wrap(network, device, averages=isinstance(config.sharpness, NoSharpness))
        self.optimizer = optimizers.build(config.optim, network, layers.rate_factors(network, config.model))
        constants_RK = class_constants(config.loss, counts)
        self.step = TrainStep(
            config,
            network,
            self.optimizer,
            parallel=self.parallel,
            scale=scale,
            constants_RK=torch.as_tensor(constants_RK, dtype=torch.float32, device=device),
            passes=two_passes(config.sharpness, network, workers, counts),
            classifier=last_layer(network) if isinstance(config.reweight, InfluenceBalanced) else None,
        )

    def train_mode(self) -> None:
        """Put into training mode what is trained."""
        layers.set_training(self._network, parallel=self.parallel)

    def final_model(self) -> nn.Module:
        """Return the network; training may go on from here."""
        return self._network
