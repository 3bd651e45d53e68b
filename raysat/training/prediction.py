"""What a training's network says of whole splits: in float32 on every device, shared by the workers of a trial."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from raysat.config.schema import Config
from raysat.data.store import Split
from raysat.training import evaluation
from raysat.training.device import full_precision
from raysat.training.models.plugin import network_faults
from raysat.training.parallel import Workers
from raysat.training.patches import Patches, ResidentPatches, Scale
from raysat.training.results import Probabilities


class Predictor:
    """Predicts splits of a store; what is recorded for a network on a GPU is replayed for it alone."""

    def __init__(
        self,
        patches: Mapping[Split, Patches],
        scale: Scale,
        *,
        classes: int,
        workers: Workers,
        device: torch.device,
        is_graphed: bool,
    ) -> None:
        """Begin without a recording.

        Args:
            patches: by split.
            scale: that they are normalised by.
            classes: how many there are.
            workers: that share each split.
            device: where.
            is_graphed: whether batches of the network that trains are recorded.
        """
        self._patches, self._scale, self._classes = patches, scale, classes
        self._workers, self._device, self._is_graphed = workers, device, is_graphed
        self._replayed: dict[Split, evaluation.ReplayedSplit] = {}

    def forget(self) -> None:
        """Record anew: memory that the network works on has been replaced."""
        self._replayed.clear()

    @torch.inference_mode()
    def predict(self, config: Config, network: nn.Module, split: Split, *, trains: bool) -> Probabilities:
        """Return the (N, K) class probabilities of a split's patches, finite or not.

        Args:
            config: with the loss that says what the network's scores mean.
            network: it is put into evaluation mode.
            split: whose patches.
            trains: whether it is the network that trains, which is the same each time.
        """
        network.eval()
        self._workers.share_buffers(network)
        posterior = evaluation.posterior(config, network, self._scale, classes=self._classes)
        with full_precision(), network_faults(config.model):
            probabilities_NK = self._own_part(posterior, split, replayed=trains)
        predicted: npt.NDArray[np.float32] = self._workers.sum(probabilities_NK).cpu().numpy()
        return predicted

    def _own_part(self, posterior: evaluation.Posterior, split: Split, *, replayed: bool) -> Tensor:
        """This worker's part of a split's probabilities (N, K), zero elsewhere."""
        patches = self._patches[split]
        if replayed and self._is_graphed and isinstance(patches, ResidentPatches):
            if split not in self._replayed:
                self._replayed[split] = evaluation.ReplayedSplit(patches, self._classes, self._device)
            return self._replayed[split].predict(posterior)
        found_NK = torch.zeros(len(patches), self._classes, device=self._device)
        evaluation.predict(posterior, patches, found_NK, rank=self._workers.rank, world=self._workers.world)
        return found_NK
