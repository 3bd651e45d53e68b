"""One step of training, from tensors alone: views; forward, loss, backward, clipping, optimiser, weight averages.

No number leaves the device on the way and nothing here asks for one, so that a CUDA graph can hold a step
(``graphs.py``); on the CPU, and wherever there is no graph, it runs as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from raysat.config.heads import head_of, outputs
from raysat.config.schema import Config
from raysat.training import losses, optimizers
from raysat.training.averaging import WeightAverage
from raysat.training.batch import views
from raysat.training.device import autocast, channels_last
from raysat.training.models.plugin import check_scores
from raysat.training.patches import Scale
from raysat.training.step_inputs import Partners, UpdateInputs, ViewInputs


class TrainStep:
    """Moves a network, its optimiser and its averages by one step; keeps nothing else."""

    def __init__(
        self,
        config: Config,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        parallel: nn.Module,
        scale: Scale,
        offsets_K: Tensor,
    ) -> None:
        """Take what moves.

        Args:
            config: of the trial.
            network: what is trained.
            optimizer: of its parameters.
            parallel: the network, or what averages its gradients over workers.
            scale: of the store's bands.
            offsets_K: as of ``losses.logit_offsets``.
        """
        self._config, self._network, self._optimizer = config, network, optimizer
        self._parallel, self._scale, self._offsets_K = parallel, scale, offsets_K
        self._scores = outputs(head_of(config.loss), len(offsets_K))  # of a patch
        self.weights_K = torch.ones_like(offsets_K)  # what each class counts in the epoch

    def views(self, patches_nCHW: Tensor, inputs: ViewInputs, *, by_patch: bool = False) -> Tensor:
        """Return what the network shall see, the V views of b patches one after another; they depend on no weight.

        Args:
            patches_nCHW: those of ``inputs.positions_n``, in the store's units.
            inputs: what is done to them, on the same device.
            by_patch: as of ``batch.views``.
        """
        found = views(self._config.augment, patches_nCHW, self._scale, inputs.drawn, by_patch=by_patch)
        return channels_last(found.flatten(0, 1))

    def __call__(self, views_NCHW: Tensor, inputs: UpdateInputs, averages: Iterable[WeightAverage]) -> Tensor:
        """Take a step; return the loss, a scalar: this worker's part of the mean over the batch, times the workers.

        Args:
            views_NCHW: as of ``views``.
            inputs: what else the step needs, on the same device.
            averages: those that take every step.
        """
        optimizers.set_learning_rate(self._optimizer, inputs.lr)
        loss = self.loss(views_NCHW, inputs)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        if self._config.optim.clip_norm is not None:
            nn.utils.clip_grad_norm_(self._network.parameters(), self._config.optim.clip_norm)
        self._optimizer.step()
        for average, momentum in zip(averages, inputs.momenta_A.unbind(), strict=True):
            average.move(self._network, momentum)
        return loss.detach()

    def loss(self, views_NCHW: Tensor, inputs: UpdateInputs) -> Tensor:
        """Return the loss of views of patches. Raises PluginError where a plugin's network gives no scores of them."""
        mixed = None
        if isinstance(inputs.partners, Partners):
            labels_b, class_weights_b, shares_2 = inputs.partners
            mixed = losses.Mixed(labels_B=labels_b, class_weights_B=class_weights_b, shares_2=shares_2)
        with autocast(views_NCHW.device):
            logits_NK = self._parallel(views_NCHW)
        check_scores(self._config.model, logits_NK, views_NCHW.shape, classes=self._scores, training=True)
        logits_VbK = logits_NK.unflatten(0, (-1, len(inputs.labels_b)))
        return losses.batch_loss(
            self._config,
            logits_VbK,
            inputs.labels_b,
            offsets_K=self._offsets_K,
            weights_K=self.weights_K,
            class_weights_B=inputs.class_weights_b,
            mean_weights_B=inputs.mean_weights_b,
            mixed=mixed,
        )
