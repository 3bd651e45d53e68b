"""What a training's network says of whole splits: in float32 on every device, shared by the workers of a trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from raysat.config.schema import Config
from raysat.data.store import Split
from raysat.metrics.fitted_readout import FittedReadout
from raysat.training import evaluation
from raysat.training.device import EVALUATION_BATCH, full_precision
from raysat.training.models.plugin import network_faults
from raysat.training.parallel import Workers
from raysat.training.patches import Patches, ResidentPatches, Scale
from raysat.training.readout.apply import read_logits
from raysat.training.readout.features import FeatureSums, feature_sums
from raysat.training.results import Logits, Probabilities


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
    def logits(self, config: Config, network: nn.Module, split: Split, *, trains: bool) -> Logits:
        """Return the posterior logits (N, K) of a split's patches, finite or not.

        Args:
            config: with the loss that says what the network's scores mean.
            network: it is put into evaluation mode.
            split: whose patches.
            trains: whether it is the network that trains, which is the same each time.
        """
        self._prepare(network)
        logits = evaluation.logits(config, network, self._scale, classes=self._classes)
        with full_precision(), network_faults(config.model):
            return self._of_all_workers(self._own_part(logits, split, replayed=trains))

    @torch.inference_mode()
    def read(self, logits: Logits, readout: FittedReadout | None) -> Probabilities:
        """Return the probabilities (N, K) that a readout gives to logits (N, K), computed on the device."""
        found: npt.NDArray[np.float32] = (
            read_logits(readout, torch.from_numpy(logits).to(self._device)).softmax(dim=1).cpu().numpy()
        )
        return found

    @torch.inference_mode()
    def views(self, config: Config, network: nn.Module, split: Split, readout: FittedReadout) -> Probabilities:
        """Return the probabilities (N, K) of a split's patches, averaged over the symmetries of a patch.

        Args:
            config: as of ``logits``.
            network: as of ``logits``.
            split: whose patches.
            readout: what each view's logits are read with.
        """
        self._prepare(network)
        posterior = evaluation.posterior(config, network, self._scale, classes=self._classes, readout=readout)
        with full_precision(), network_faults(config.model):
            return self._of_all_workers(self._own_part(posterior, split, replayed=False))

    @torch.inference_mode()
    def train_features(self, network: nn.Module, classifier: nn.Linear) -> FeatureSums:
        """Return what the features of clean training patches add up to, by class.

        Args:
            network: as of ``logits``.
            classifier: its last layer.

        Raises:
            PlanError: the classifier gets other than one vector for each patch.
        """
        self._prepare(network)
        train = self._patches["train"]

        def batches() -> Iterator[tuple[Tensor, Tensor]]:
            step = self._workers.world * EVALUATION_BATCH
            for start in range(self._workers.rank * EVALUATION_BATCH, len(train), step):
                positions_B = np.arange(start, min(start + EVALUATION_BATCH, len(train)))
                labels_B = torch.from_numpy(train.labels[positions_B].astype(np.int64)).to(self._device)
                yield evaluation.clean(self._scale, train.take(positions_B)), labels_B

        with full_precision():
            sums = feature_sums(network, classifier, batches(), classes=self._classes)
        for value in (sums.counts_K, sums.sums_KD, sums.products_DD):
            self._workers.sum(value)
        return sums

    def _prepare(self, network: nn.Module) -> None:
        network.eval()
        self._workers.share_buffers(network)

    def _of_all_workers(self, part_NK: Tensor) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = self._workers.sum(part_NK).cpu().numpy()
        return found

    def _own_part(self, predict: evaluation.Posterior, split: Split, *, replayed: bool) -> Tensor:
        """This worker's part of what is said of a split (N, K), zero elsewhere; on a CPU a tensor of its own."""
        patches = self._patches[split]
        if replayed and self._is_graphed and isinstance(patches, ResidentPatches):
            if split not in self._replayed:
                self._replayed[split] = evaluation.ReplayedSplit(patches, self._classes, self._device)
            return self._replayed[split].predict(predict)
        found_NK = torch.zeros(len(patches), self._classes, device=self._device)
        evaluation.predict(predict, patches, found_NK, rank=self._workers.rank, world=self._workers.world)
        return found_NK
