"""What a network says of patches; of a split batch by batch, on a GPU as a graph that is replayed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from raysat.config.heads import head_of, outputs
from raysat.config.schema import Config
from raysat.training.device import EVALUATION_BATCH, channels_last, current
from raysat.training.graphs import Replay
from raysat.training.losses import posterior_logits
from raysat.training.models.plugin import check_scores
from raysat.training.patches import Patches, ResidentPatches, Scale

Posterior = Callable[[Tensor], Tensor]  # of patches (B, C, H, W) in the store's units: probabilities (B, K)


def clean(scale: Scale, patches_BCHW: Tensor) -> Tensor:
    """Return what a network sees of patches in the store's units where nothing augments them."""
    return channels_last(scale.normalise(patches_BCHW))


def posterior(config: Config, network: nn.Module, scale: Scale, *, classes: int) -> Posterior:
    """Return what gives a network's class probabilities, or raises PluginError where a plugin's gives no scores.

    Args:
        config: with the loss that it was trained with, which says what its scores mean.
        network: in evaluation mode.
        scale: that its patches are normalised by.
        classes: how many there are.
    """
    scores = outputs(head_of(config.loss), classes)

    def probabilities(patches_BCHW: Tensor) -> Tensor:
        logits_BK = network(clean(scale, patches_BCHW))
        check_scores(config.model, logits_BK, patches_BCHW.shape, classes=scores)
        return posterior_logits(config, logits_BK).softmax(dim=1)

    return probabilities


def predict(posterior: Posterior, patches: Patches, out_NK: Tensor, *, rank: int = 0, world: int = 1) -> None:
    """Write the probabilities of every ``world``-th batch of a split; leaves those of others as they are.

    Args:
        posterior: what predicts.
        patches: of the split.
        out_NK: where to, on the device.
        rank: this worker's number.
        world: the number of workers.
    """
    for start in range(rank * EVALUATION_BATCH, len(patches), world * EVALUATION_BATCH):
        positions_B = np.arange(start, min(start + EVALUATION_BATCH, len(patches)))
        out_NK[start : start + EVALUATION_BATCH] = posterior(patches.take(positions_B))


class ReplayedSplit:
    """Predicts a split that lies on a CUDA device, again and again with one network; a last part batch is launched."""

    def __init__(self, patches: ResidentPatches, classes: int, device: torch.device) -> None:
        """Begin without a recording.

        Args:
            patches: of the split.
            classes: how many there are.
            device: which the patches are on.
        """
        self._patches = patches
        self._out_NK = torch.zeros(len(patches), classes, device=device)
        self._first_1 = torch.zeros(1, dtype=torch.int64, device=device)  # position of the next batch
        self._offsets_B = torch.arange(EVALUATION_BATCH, device=device)
        self._replay = Replay()

    def predict(self, posterior: Posterior) -> Tensor:
        """Return the probabilities (N, K), valid until the next call; ``posterior`` is the same each time."""

        def predict_next() -> None:
            positions_B = self._first_1 + self._offsets_B
            self._out_NK.index_copy_(0, positions_B, posterior(self._patches.gather(positions_B)))
            self._first_1.add_(EVALUATION_BATCH)

        whole = len(self._patches) // EVALUATION_BATCH
        self._first_1.zero_()
        with current(self._out_NK.device):
            for _ in range(whole):
                self._replay(predict_next)
        if whole * EVALUATION_BATCH < len(self._patches):
            rest = torch.arange(whole * EVALUATION_BATCH, len(self._patches), device=self._out_NK.device)
            self._out_NK.index_copy_(0, rest, posterior(self._patches.gather(rest)))
        return self._out_NK
