"""What a network says of patches; of a split batch by batch, on a GPU as a graph that is replayed.

Either logits of the posterior that its loss is trained for, or, through a readout, probabilities.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from raysat.config.heads import head_of, outputs
from raysat.config.schema import Config
from raysat.config.stages import final_config
from raysat.metrics.fitted_readout import FittedReadout
from raysat.training.augment.dihedral import symmetries
from raysat.training.device import EVALUATION_BATCH, channels_last, current
from raysat.training.graphs import Replay
from raysat.training.losses import posterior_logits
from raysat.training.models.plugin import check_scores
from raysat.training.patches import Patches, ResidentPatches, Scale
from raysat.training.readout.apply import read_logits

Posterior = Callable[[Tensor], Tensor]  # of patches (B, C, H, W) in the store's units: probabilities or logits (B, K)


def clean(scale: Scale, patches_BCHW: Tensor) -> Tensor:
    """Return what a network sees of patches in the store's units where nothing augments them."""
    return channels_last(scale.normalise(patches_BCHW))


def logits(config: Config, network: nn.Module, scale: Scale, *, classes: int) -> Posterior:
    """Return what gives the logits, float32, of a network's posterior; it raises PluginError for a plugin's bad scores.

    Args:
        config: that it was trained with to the end; the loss of its last stage says what its scores mean.
        network: in evaluation mode.
        scale: that its patches are normalised by.
        classes: how many there are.
    """
    last = final_config(config)
    scores = outputs(head_of(last.loss), classes)

    def of_patches(patches_BCHW: Tensor) -> Tensor:
        logits_BK = network(clean(scale, patches_BCHW))
        check_scores(last.model, logits_BK, patches_BCHW.shape, classes=scores)
        return posterior_logits(last, logits_BK)

    return of_patches


def posterior(
    config: Config,
    network: nn.Module,
    scale: Scale,
    *,
    classes: int,
    readout: FittedReadout | None = None,
    views_at_once: bool = False,
) -> Posterior:
    """Return what gives class probabilities, as a readout has them, averaged over symmetries where that says so.

    Args:
        config: as of ``logits``.
        network: in evaluation mode.
        scale: that its patches are normalised by.
        classes: how many there are.
        readout: what its logits are read with; None leaves them as they are.
        views_at_once: pass all symmetries through the network as one batch: as much memory more, one call.
    """
    of_patches = logits(config, network, scale, classes=classes)

    def probabilities(patches_BCHW: Tensor) -> Tensor:
        if readout is None or not readout.dihedral:
            return read_logits(readout, of_patches(patches_BCHW)).softmax(dim=1)
        views = symmetries(patches_BCHW)
        if views_at_once:
            logits_VBK = of_patches(torch.cat(views)).view(len(views), -1, classes)
        else:
            logits_VBK = torch.stack([of_patches(view_BCHW) for view_BCHW in views])
        return read_logits(readout, logits_VBK).softmax(dim=2).mean(dim=0)

    return probabilities


def predict(posterior: Posterior, patches: Patches, out_NK: Tensor, *, rank: int = 0, world: int = 1) -> None:
    """Write what is said of every ``world``-th batch of a split; leaves the rows of others as they are.

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
        """Return what ``posterior`` says (N, K), valid until the next call; ``posterior`` is the same each time."""

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
